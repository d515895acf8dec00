// The wire text of a parameter. Everything goes as text; only an array's form depends on the type that PostgreSQL resolved.

import type { Parameter } from "../../base/parameters.ts";
import { arrayLiteral, type LiteralForm } from "./array-literal.ts";
import type { UserType } from "../results/result-set.ts";

const JSON_OIDS: ReadonlySet<number> = new Set([114, 3802]);
const JSON_ARRAY_OIDS: ReadonlySet<number> = new Set([199, 3807]);
/** The one built-in type whose arrays are not separated by commas. */
const BOX_ARRAY_OID = 1020;

/** How an array parameter is written for a type. */
export type ArrayForm = { readonly kind: "json" } | LiteralForm;

const PLAIN_ARRAY: LiteralForm = { kind: "array", delimiter: ",", hasJsonElements: false };

/** @param userTypes every type that is not built in, as far as `typeOid` leads to it. */
export function arrayForm(typeOid: number, userTypes: ReadonlyMap<number, UserType>): ArrayForm {
  if (JSON_OIDS.has(typeOid)) return { kind: "json" };
  if (JSON_ARRAY_OIDS.has(typeOid)) return { ...PLAIN_ARRAY, hasJsonElements: true };
  if (typeOid === BOX_ARRAY_OID) return { ...PLAIN_ARRAY, delimiter: ";" };
  const userType = userTypes.get(typeOid);
  if (userType?.kind === "domain") return arrayForm(userType.baseOid, userTypes);
  if (userType?.kind !== "array") return PLAIN_ARRAY;
  const hasJsonElements = arrayForm(userType.elementOid, userTypes).kind === "json";
  return { kind: "array", delimiter: userType.delimiter, hasJsonElements };
}

/** @param form undefined for a parameter that is no array. */
export function parameterText(parameter: Parameter, form: ArrayForm | undefined): string | null {
  if (parameter.kind === "null") return null;
  if (parameter.kind !== "array" || form === undefined || form.kind === "json") return parameter.text;
  return arrayLiteral(parameter.text, form);
}
