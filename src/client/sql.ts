// The tag for templates whose values become parameters: what stands in `${…}` is never text of the statement.

import { findParameters } from "./find-parameters.ts";
import type { PositionalStatement } from "./to-statement.ts";

export type SqlStatement = Required<PositionalStatement>;

interface Parts {
  readonly strings: readonly string[];
  readonly values: readonly unknown[];
}

/** Of the statements that `sql` made. Nothing else is taken for a piece of SQL, whatever it looks like. */
const partsOf = new WeakMap<object, Parts>();

/**
 * A statement for `query` and `batch`: `` sql`SELECT * FROM users WHERE id = ${id}` ``. A value that `sql` itself made is put in as
 * SQL, with its own values as parameters.
 *
 * @throws TypeError when a value stands where no parameter can, or the text itself has one such as `$1`.
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

/** One more string than there are values, and no value that is SQL. */
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
