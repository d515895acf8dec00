// The rows of a result as JSON text. How a row and its values are written is decided once per result, never per value.

import { resultTooLarge } from "../errors.ts";
import type { ResultSet } from "../execution/result-set.ts";
import type { ResultForm } from "../query-request.ts";
import type { Encode } from "./scalar-encoders.ts";

export interface RowsForm extends Pick<ResultForm, "rowMode"> {
  /** The encoder of the column with this index. */
  readonly encoderOf: (index: number) => Encode;
}

interface Column {
  readonly index: number;
  /** What stands before the value: `{"id":` for the first column of a row of objects, `,"name":` for the others. */
  readonly prefix: string;
  readonly encode: Encode;
}

interface RowWriter {
  readonly columns: readonly Column[];
  readonly end: "}" | "]";
  /** A row without columns. */
  readonly empty: "{}" | "[]";
}

/** No character of a string takes more in UTF-8. */
const MAX_BYTES_PER_CHARACTER = 3;

/**
 * `[{…},…]`
 *
 * Column names stand in every row and a control character takes six, so it can be many times what PostgreSQL sent: it is
 * given up as soon as it is too long, not when it is complete.
 *
 * @throws GatewayError RESULT_TOO_LARGE when it has more than `maxBytes` characters.
 */
export function encodeRows(result: ResultSet, form: RowsForm, maxBytes: number): string {
  const writer = writerOf(result, form);
  const rows: string[] = [];
  let length = 0;
  for (const row of result.rows) {
    const json = encodeRow(row, writer, maxBytes - length);
    length += json.length + ",".length;
    if (length > maxBytes) throw resultTooLarge(maxBytes);
    rows.push(json);
  }
  return `[${rows.join(",")}]`;
}

/** @throws GatewayError RESULT_TOO_LARGE when the text's UTF-8 has more than `maxBytes`. */
export function requireSize(json: string, maxBytes: number): string {
  const mayBeTooLarge = json.length * MAX_BYTES_PER_CHARACTER > maxBytes;
  if (mayBeTooLarge && Buffer.byteLength(json) > maxBytes) throw resultTooLarge(maxBytes);
  return json;
}

function writerOf(result: ResultSet, { rowMode, encoderOf }: RowsForm): RowWriter {
  if (rowMode === "object") return { columns: columnsByName(result, encoderOf), end: "}", empty: "{}" };
  const columns = result.fields.map((_, index) => ({
    index,
    prefix: index === 0 ? "[" : ",",
    encode: encoderOf(index),
  }));
  return { columns, end: "]", empty: "[]" };
}

/** A name that occurs twice stands once, at its first place and with its last value, as in a JavaScript object. */
function columnsByName(result: ResultSet, encoderOf: RowsForm["encoderOf"]): Column[] {
  const lastIndexByName = new Map(result.fields.map((field, index) => [field.name, index]));
  return [...lastIndexByName].map(([name, index], position) => ({
    index,
    prefix: `${position === 0 ? "{" : ","}${JSON.stringify(name)}:`,
    encode: encoderOf(index),
  }));
}

/** Cut off where it is longer than `room`. */
function encodeRow(row: readonly (string | null)[], { columns, end, empty }: RowWriter, room: number): string {
  if (columns.length === 0) return empty;
  let json = "";
  for (const { index, prefix, encode } of columns) {
    const text = row[index];
    if (text === undefined) throw new Error("A row has fewer values than the result has fields");
    json += prefix + (text === null ? "null" : encode(text));
    if (json.length > room) break;
  }
  return json + end;
}
