// The tag for templates whose values become parameters: a value in `${…}` never becomes part of the statement's text.

import { findParameters } from "./find-parameters.ts";
import type { PositionalStatement } from "./to-statement.ts";

export type SqlStatement = Required<PositionalStatement>;

interface Parts {
  readonly strings: readonly string[];
  readonly values: readonly unknown[];
}

/** The parts of each statement that `sql` made. Only these objects count as SQL; an object that merely looks like one is a value. */
const partsOf = new WeakMap<object, Parts>();

/**
 * Makes a statement for `query` and `batch`: `` sql`SELECT * FROM users WHERE id = ${id}` ``. A value that `sql` itself made is
 * inserted as SQL, with its own values as parameters.
 *
 * @throws TypeError when a value is in a place where no parameter can be, or the text itself has a parameter such as `$1`.
 */
export function sql(strings: TemplateStringsArray, ...values: readonly unknown[]): SqlStatement {
  const parts = flatten({ strings, values });
  const text = parts.strings.reduce((before, after, index) => `${before}$${index}${after}`);
  requireParameters(text, parts.values.length);
  const statement = Object.freeze({ sql: text, params: parts.values });
  partsOf.set(statement, parts);
  return statement;
}

function requireParameters(text: string, count: number): void {
  const places = findParameters(text);
  if (places.length === count && places.every(({ name }, index) => name === String(index + 1))) return;
  throw new TypeError(
    "A template takes values as ${…}, each where a parameter may stand: not in quotes, names or comments, and no $1 of your own",
  );
}

/** Replaces values that are SQL by their own parts. The result has one more string than values, and no value that is SQL. */
function flatten({ strings, values }: Parts): Parts {
  const [first = "", ...others] = strings;
  const flat: { strings: string[]; values: unknown[] } = { strings: [], values: [] };
  let last = first;
  others.forEach((text, index) => {
    const value = values[index];
    const inner = typeof value === "object" && value !== null ? partsOf.get(value) : undefined;
    const {
      strings: [head = "", ...tail],
      values: innerValues,
    } = inner ?? { strings: ["", ""], values: [value] };
    const pieces = [last + head, ...tail];
    last = (pieces.pop() ?? "") + text;
    flat.strings.push(...pieces);
    flat.values.push(...innerValues);
  });
  return { strings: [...flat.strings, last], values: flat.values };
}
