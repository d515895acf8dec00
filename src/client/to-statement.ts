// What a caller gives as a statement → its text with `$1`, `$2`, … and the values of these, as the gateway takes them.

import { findParameters } from "./find-parameters.ts";

/** Values in the order of `$1`, `$2`, …, or by the names in the text: `{ id: 1 }` for `$id`. */
export type PostgateParams = readonly unknown[] | Readonly<Record<string, unknown>>;

export interface PostgateStatement {
  readonly sql: string;
  readonly params?: PostgateParams | null;
}

export interface PositionalStatement {
  readonly sql: string;
  readonly params?: readonly unknown[] | null;
}

/** @throws TypeError when a name in the text has no value, or a value no place in it. */
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

/** `Array.isArray` alone does not narrow a readonly array. */
function isArray(params: PostgateParams): params is readonly unknown[] {
  return Array.isArray(params);
}
