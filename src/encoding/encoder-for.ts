// Which encoder a type has. Asked once per column and result, never per value.

import { FIRST_LOOKED_UP_TYPE_OID, type UserType } from "../execution/result-set.ts";
import { BUILTIN_ARRAY_TYPES } from "./builtin-array-types.ts";
import { encodeArray } from "./encode-array.ts";
import { encodeString, SCALAR_ENCODERS, type Encode } from "./scalar-encoders.ts";

/** Total: what no table knows is PostgreSQL's text, as a string. */
export function encoderFor(typeOid: number, userTypes: ReadonlyMap<number, UserType>): Encode {
  if (typeOid >= FIRST_LOOKED_UP_TYPE_OID) return encoderForUserType(userTypes.get(typeOid), userTypes);
  const array = BUILTIN_ARRAY_TYPES.get(typeOid);
  if (array !== undefined) return arrayEncoder(array, userTypes);
  return SCALAR_ENCODERS.get(typeOid) ?? encodeString;
}

function encoderForUserType(type: UserType | undefined, userTypes: ReadonlyMap<number, UserType>): Encode {
  switch (type?.kind) {
    case "array":
      return arrayEncoder(type, userTypes);
    case "domain":
      return encoderFor(type.baseOid, userTypes);
    case "scalar":
    case undefined:
      return encodeString;
  }
}

type ArrayType = Omit<Extract<UserType, { kind: "array" }>, "kind">;

function arrayEncoder({ elementOid, delimiter }: ArrayType, userTypes: ReadonlyMap<number, UserType>): Encode {
  const elements = { encode: encoderFor(elementOid, userTypes), delimiter };
  return (text) => encodeArray(text, elements);
}
