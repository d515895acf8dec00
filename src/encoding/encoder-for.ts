// Chooses the encoder of a type. It is asked once for each column of a result, and never for each value.

import { FIRST_LOOKED_UP_TYPE_OID, type UserType } from "../execution/results/result-set.ts";
import { BUILTIN_ARRAY_TYPES } from "./builtin-array-types.ts";
import { arrayEncoder } from "./encode-array.ts";
import { encodeString, SCALAR_ENCODERS, type Encode } from "./scalar-encoders.ts";

type UserTypes = ReadonlyMap<number, UserType>;

const UNKNOWN: UserType = { kind: "scalar" };

/**
 * Returns the encoder of a type by its OID. A type that no table lists is written as PostgreSQL's text, in a string.
 *
 * Each type is resolved once, because thousands of domains may be based on each other, in each of 1,664 columns.
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
