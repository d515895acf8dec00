// The last stage of a request: a result set becomes the JSON text of the answer. What a value looks like is
// encoder-for.ts's; limits on size and number are execution's, which decides them before the commit.

import type { ResultSet } from "../execution/result-set.ts";
import { encoderFor } from "./encoder-for.ts";
import type { Encode } from "./scalar-encoders.ts";

interface Column {
  readonly index: number;
  /** What stands before the value: `{"id":` for the first column of a row, `,"name":` for the others. */
  readonly prefix: string;
  readonly encode: Encode;
}

/** The JSON text of a QueryResponse: `{"rows":[…],"row_count":n}`. */
export function encodeResultSet(result: ResultSet): string {
  const columns = columnsOf(result);
  const rows = result.rows.map((row) => encodeRow(row, columns)).join(",");
  return `{"rows":[${rows}],"row_count":${result.rowCount}}`;
}

/** A name that occurs twice stands once, at its first place and with its last value, as in a JavaScript object. */
function columnsOf(result: ResultSet): Column[] {
  const lastIndexByName = new Map(result.fields.map((field, index) => [field.name, index]));
  return [...lastIndexByName].map(([name, index], position) => ({
    index,
    prefix: `${position === 0 ? "{" : ","}${JSON.stringify(name)}:`,
    encode: encoderFor(result.fields[index]?.typeOid ?? 0, result.userTypes),
  }));
}

function encodeRow(row: readonly (string | null)[], columns: readonly Column[]): string {
  if (columns.length === 0) return "{}";
  let json = "";
  for (const { index, prefix, encode } of columns) {
    const text = row[index];
    if (text === undefined) throw new Error("A row has fewer values than the result has fields");
    json += prefix + (text === null ? "null" : encode(text));
  }
  return `${json}}`;
}
