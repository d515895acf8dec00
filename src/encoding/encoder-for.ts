// Which encoder a type has. Asked once per column and result, never per value.

import { FIRST_LOOKED_UP_TYPE_OID, type UserType } from "../execution/results/result-set.ts";
import { BUILTIN_ARRAY_TYPES } from "./builtin-array-types.ts";
import { arrayEncoder } from "./encode-array.ts";
import { encodeString, SCALAR_ENCODERS, type Encode } from "./scalar-encoders.ts";

type UserTypes = ReadonlyMap<number, UserType>;

const UNKNOWN: UserType = { kind: "scalar" };

/**
 * The encoder of a type by its OID. Total: what no table knows is PostgreSQL's text, as a string.
 *
 * Each type is worked out once: thousands of domains may stand upon each other, below each of 1,664 columns.
 */
export function encodersOf(userTypes: UserTypes, scalars = SCALAR_ENCODERS): (typeOid: number) => Encode {
  const known = new Map<number, Encode>();

  function encoderFor(typeOid: number): Encode {
    const found = known.get(typeOid) ?? findEncoder(typeOid);
    known.set(typeOid, found);
    return found;
  }

  function findEncoder(typeOid: number): Encode {
    if (typeOid >= FIRST_LOOKED_UP_TYPE_OID) return encoderForUserType(userTypes.get(typeOid) ?? UNKNOWN);
    const array = BUILTIN_ARRAY_TYPES.get(typeOid);
    return array === undefined ? (scalars.get(typeOid) ?? encodeString) : encoderForArray(array);
  }

  function encoderForUserType(type: UserType): Encode {
    switch (type.kind) {
      case "array":
        return encoderForArray(type);
      case "domain":
        return encoderFor(type.baseOid);
      case "scalar":
        return encodeString;
    }
  }

  function encoderForArray({ elementOid, delimiter }: ArrayType): Encode {
    return arrayEncoder({ encode: encoderFor(elementOid), delimiter: delimiter.charCodeAt(0) });
  }

  return encoderFor;
}

type ArrayType = Omit<Extract<UserType, { kind: "array" }>, "kind">;
