// Finds the name of a type for `fields`: PostgreSQL's own name (`int4`, not `integer`), a tenant's type without its schema, and an
// array as the name of its elements with `[]`.

import type { UserType } from "../execution/results/result-set.ts";
import { BUILTIN_ARRAY_TYPES } from "./builtin-array-types.ts";
import { BUILTIN_TYPE_NAMES } from "./builtin-type-names.ts";

const UNKNOWN = "unknown";

export function typeName(typeOid: number, userTypes: ReadonlyMap<number, UserType>): string {
  const userType = userTypes.get(typeOid);
  const array = userType?.kind === "array" ? userType : BUILTIN_ARRAY_TYPES.get(typeOid);
  if (array !== undefined) return `${typeName(array.elementOid, userTypes)}[]`;
  if (userType?.kind === "scalar" || userType?.kind === "domain") return userType.name ?? UNKNOWN;
  return BUILTIN_TYPE_NAMES.get(typeOid) ?? UNKNOWN;
}
