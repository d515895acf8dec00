// Makes DataRow messages from values and reads them back, for tests that examine a result before it is encoded.

import type { DataRow } from "../../src/wire/data-row.ts";
import type { ResultSet } from "../../src/execution/results/result-set.ts";

export type TextRow = readonly (string | null)[];

export type TextResult = Omit<ResultSet, "rows"> & { readonly rows: readonly TextRow[] };

/** Returns the body of the message with these values, as PostgreSQL would send it. */
export function dataRow(values: TextRow): DataRow {
  const parts = values.map((value) => {
    const text = Buffer.from(value ?? "");
    const length = Buffer.alloc(4);
    length.writeInt32BE(value === null ? -1 : text.length);
    return Buffer.concat([length, text]);
  });
  const count = Buffer.alloc(2);
  count.writeUInt16BE(values.length);
  return Buffer.concat([count, ...parts]);
}

export function textOfRow(row: DataRow): TextRow {
  let at = 2;
  return Array.from({ length: row.readUInt16BE(0) }, () => {
    const length = row.readInt32BE(at);
    const start = at + 4;
    at = start + Math.max(length, 0);
    return length < 0 ? null : row.toString("utf8", start, at);
  });
}

export function textOfResult(result: ResultSet): TextResult {
  return { ...result, rows: result.rows.map(textOfRow) };
}
