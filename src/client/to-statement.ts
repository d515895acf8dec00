// Turns a caller's statement into the form that the gateway takes: a text with `$1`, `$2`, … and a list of their values.

import { findParameters } from "./find-parameters.ts";

/** The values in the order of `$1`, `$2`, …, or by their names in the text: `{ id: 1 }` for `$id`. */
export type PostgateParams = readonly unknown[] | Readonly<Record<string, unknown>>;

export interface PostgateStatement {
  readonly sql: string;
  readonly params?: PostgateParams | null;
}

export interface PositionalStatement {
  readonly sql: string;
  readonly params?: readonly unknown[] | null;
}

/** @throws TypeError when a name in the text has no value, or a value's name does not occur in the text. */
export function toPositional({ sql, params }: PostgateStatement): PositionalStatement {
  if (params === undefined) return { sql };
  if (params === null || isArray(params)) return { sql, params };
  const names: string[] = [];
  let text = "";
  let end = 0;
  for (const place of findParameters(sql)) {
    const { name } = place;
    if (!Object.hasOwn(params, name)) throw new TypeError(`The statement has $${name}, but the parameters do not`);
    if (!names.includes(name)) names.push(name);
    text += `${sql.slice(end, place.start)}$${names.indexOf(name) + 1}`;
    end = place.end;
  }
  const unused = Object.keys(params).find((name) => !names.includes(name));
  if (unused !== undefined) throw new TypeError(`The parameters have ${unused}, but the statement has no $${unused}`);
  return { sql: text + sql.slice(end), params: names.map((name) => params[name]) };
}

/** Tells whether the parameters are an array. `Array.isArray` alone does not narrow the type of a readonly array. */
function isArray(params: PostgateParams): params is readonly unknown[] {
  return Array.isArray(params);
}
