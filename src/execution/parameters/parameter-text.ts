// The wire text of a parameter. Everything goes as text. The form of an array, and of a whole number that is written with a
// fraction or an exponent, depends on the type that PostgreSQL resolved.

import type { Parameter } from "../../base/parameters.ts";
import { ArrayLiteral, type LiteralForm } from "./array-literal.ts";
import type { UserType } from "../results/result-set.ts";
import { wholeNumber } from "./whole-number.ts";

/** No integer has more digits, however it is written. */
const MAX_NUMBER_CHARACTERS = 64;

/** How a parameter is written for a type. */
export type ParameterForm = { readonly kind: "json" | "integer" } | LiteralForm;

const PLAIN_ARRAY: LiteralForm = { kind: "array", delimiter: ",", elements: "plain" };
const JSON_ARRAY: LiteralForm = { ...PLAIN_ARRAY, elements: "json" };
const INTEGER_ARRAY: LiteralForm = { ...PLAIN_ARRAY, elements: "integer" };
const JSON_FORM: ParameterForm = { kind: "json" };
const INTEGER_FORM: ParameterForm = { kind: "integer" };

/** The built-in types, by oid, that ask for a form of their own. */
const BUILTIN_FORMS: ReadonlyMap<number, ParameterForm> = new Map<number, ParameterForm>([
  [114, JSON_FORM], // json
  [3802, JSON_FORM], // jsonb
  [199, JSON_ARRAY],
  [3807, JSON_ARRAY],
  [21, INTEGER_FORM], // int2
  [23, INTEGER_FORM], // int4
  [20, INTEGER_FORM], // int8
  [26, INTEGER_FORM], // oid
  [1005, INTEGER_ARRAY],
  [1007, INTEGER_ARRAY],
  [1016, INTEGER_ARRAY],
  [1028, INTEGER_ARRAY],
  [1020, { ...PLAIN_ARRAY, delimiter: ";" }], // box[]: the one whose elements are not separated by commas
]);

/** @param userTypes every type that is not built in, as far as `typeOid` leads to it. */
export function parameterForm(typeOid: number, userTypes: ReadonlyMap<number, UserType>): ParameterForm {
  const builtin = BUILTIN_FORMS.get(typeOid);
  if (builtin !== undefined) return builtin;
  const userType = userTypes.get(typeOid);
  if (userType?.kind === "domain") return parameterForm(userType.baseOid, userTypes);
  if (userType?.kind !== "array") return PLAIN_ARRAY;
  const element = parameterForm(userType.elementOid, userTypes).kind;
  return { kind: "array", delimiter: userType.delimiter, elements: element === "array" ? "plain" : element };
}

/** @param form undefined where the type is not known, or does not matter. */
export function parameterText(parameter: Parameter, form: ParameterForm | undefined): string | Buffer | null {
  if (parameter.kind === "null") return null;
  if (form === undefined) return parameter.text;
  if (parameter.kind === "array") return form.kind === "json" ? parameter.text : wholeLiteral(parameter, form);
  return form.kind === "integer" ? (wholeNumberOf(parameter) ?? parameter.text) : parameter.text;
}

/** The digits of a whole number that is written with a fraction or an exponent; undefined for all other parameters. */
export function wholeNumberOf(parameter: Parameter): string | undefined {
  if (parameter.kind !== "number" || parameter.text.length > MAX_NUMBER_CHARACTERS) return undefined;
  return wholeNumber(parameter.text.toString());
}

/** The work of writing an array as a literal. A type that is no array takes none, and PostgreSQL says so. */
export function literalOf({ text }: Exclude<Parameter, { kind: "null" }>, form: ParameterForm): ArrayLiteral {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  return new ArrayLiteral(bytes, form.kind === "array" ? form : PLAIN_ARRAY);
}

function wholeLiteral(parameter: Exclude<Parameter, { kind: "null" }>, form: ParameterForm): Buffer {
  const literal = literalOf(parameter, form);
  while (!literal.advance(Number.MAX_SAFE_INTEGER)) continue;
  return literal.bytes;
}
