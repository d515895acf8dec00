// Types for the parameters that PostgreSQL cannot infer: the JSON kind decides. Only those are declared, one after the other
// as PostgreSQL names them, since a declared type spoils the inference of the rest (`id = $1` with a text `$1`).

import type { Parameter } from "../../base/parameters.ts";

const TYPE_OF_KIND: Readonly<Record<Parameter["kind"], number>> = {
  null: 25, // text
  string: 25,
  boolean: 16,
  integer: 20, // int8
  number: 1700, // numeric
  object: 3802, // jsonb
  array: 3802,
};

/** Left to PostgreSQL. */
const UNDECLARED = 0;

/** The zero-based positions of the parameters that need a declaration. */
export type UndeterminedParameters = readonly number[];

/** The type OIDs for Parse: as long as the last declared one, empty when PostgreSQL infers all. */
export function declaredTypes(params: readonly Parameter[], undetermined: UndeterminedParameters): readonly number[] {
  const types: number[] = [];
  for (const position of undetermined) {
    const parameter = params[position];
    if (parameter === undefined) continue;
    while (types.length <= position) types.push(UNDECLARED);
    types[position] = TYPE_OF_KIND[parameter.kind];
  }
  return types;
}

/** PostgreSQL refused to guess a type: which parameters to declare for the next try; undefined when there is nothing left to do. */
export function moreUndetermined(
  error: { readonly code?: string | undefined; readonly message: string },
  known: UndeterminedParameters,
  count: number,
): UndeterminedParameters | undefined {
  const found = error.code === "42P18" ? namedParameter(error.message) : isAmbiguous(error.code) ? allOf(count) : [];
  const added = found.filter((position) => position < count && !known.includes(position));
  return added.length === 0 ? undefined : [...known, ...added].sort((a, b) => a - b);
}

/** `could not determine data type of parameter $3`: in every language of the server the number is the one after `$`. */
function namedParameter(message: string): UndeterminedParameters {
  const number = /\$(\d+)/.exec(message)?.[1];
  return number === undefined ? [] : [Number(number) - 1];
}

/** `to_jsonb($1)`, `$1 + $2`: PostgreSQL does not say which parameter left it without a choice. */
function isAmbiguous(sqlstate: string | undefined): boolean {
  return sqlstate === "42804" || sqlstate === "42725";
}

function allOf(count: number): UndeterminedParameters {
  return Array.from({ length: count }, (_, position) => position);
}
