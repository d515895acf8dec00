// Which encoder a type has. Asked once per column and result, never per value.

import { FIRST_LOOKED_UP_TYPE_OID, type UserType } from "../execution/result-set.ts";
import { BUILTIN_ARRAY_TYPES } from "./builtin-array-types.ts";
import { arrayEncoder } from "./encode-array.ts";
import { encodeString, SCALAR_ENCODERS, type Encode } from "./scalar-encoders.ts";

type UserTypes = ReadonlyMap<number, UserType>;
type ScalarEncoders = typeof SCALAR_ENCODERS;

/** Total: what no table knows is PostgreSQL's text, as a string. */
export function encoderFor(typeOid: number, userTypes: UserTypes, scalars = SCALAR_ENCODERS): Encode {
  const userType = typeOid >= FIRST_LOOKED_UP_TYPE_OID ? (userTypes.get(typeOid) ?? UNKNOWN) : undefined;
  if (userType !== undefined) return encoderForUserType(userType, userTypes, scalars);
  const array = BUILTIN_ARRAY_TYPES.get(typeOid);
  if (array !== undefined) return encoderForArray(array, userTypes, scalars);
  return scalars.get(typeOid) ?? encodeString;
}

const UNKNOWN: UserType = { kind: "scalar" };

function encoderForUserType(type: UserType, userTypes: UserTypes, scalars: ScalarEncoders): Encode {
  switch (type.kind) {
    case "array":
      return encoderForArray(type, userTypes, scalars);
    case "domain":
      return encoderFor(type.baseOid, userTypes, scalars);
    case "scalar":
      return encodeString;
  }
}

type ArrayType = Omit<Extract<UserType, { kind: "array" }>, "kind">;

function encoderForArray({ elementOid, delimiter }: ArrayType, userTypes: UserTypes, scalars: ScalarEncoders): Encode {
  return arrayEncoder({
    encode: encoderFor(elementOid, userTypes, scalars),
    delimiter: delimiter.charCodeAt(0),
  });
}
