// The last stage of a request: a result set becomes the JSON text of the answer, no larger than allowed. What a value looks
// like is encoder-for.ts's. Execution calls it before it commits a change, so that an answer too large undoes the change.

import { resultTooLarge } from "../errors.ts";
import type { ResultSet } from "../execution/result-set.ts";
import { DEFAULT_FORM, type ResultForm } from "../query-request.ts";
import { encoderFor } from "./encoder-for.ts";
import { encodeString, type Encode } from "./scalar-encoders.ts";
import { typeName } from "./type-name.ts";

interface Column {
  readonly index: number;
  /** What stands before the value: `{"id":` for the first column of a row of objects, `,"name":` for the others. */
  readonly prefix: string;
  readonly encode: Encode;
}

/** How a row is written; decided once per result, never per value. */
interface RowForm {
  readonly columns: readonly Column[];
  readonly end: "}" | "]";
  /** A row without columns. */
  readonly empty: "{}" | "[]";
}

/** No character of a string takes more in UTF-8. */
const MAX_BYTES_PER_CHARACTER = 3;
/** `INSERT 0 5` → `INSERT`. */
const COUNTS_OF_TAG = /[ 0-9]+$/;

/**
 * The JSON text of a QueryResponse: `{"rows":[…],"row_count":n}`, and what the form asks for besides.
 *
 * Column names stand in every row and a control character takes six, so it can be many times what PostgreSQL sent: it is
 * given up as soon as it is too long, not when it is complete.
 *
 * @throws GatewayError RESULT_TOO_LARGE when its UTF-8 has more than `maxBytes`.
 */
export function encodeResultSet(
  result: ResultSet,
  maxBytes = Number.POSITIVE_INFINITY,
  form: ResultForm = DEFAULT_FORM,
): string {
  const rowForm = rowFormOf(result, form);
  const rows: string[] = [];
  let length = 0;
  for (const row of result.rows) {
    const json = encodeRow(row, rowForm, maxBytes - length);
    length += json.length + ",".length;
    if (length > maxBytes) throw resultTooLarge(maxBytes);
    rows.push(json);
  }
  const extra = form.withFields ? encodeFields(result) : "";
  const json = `{"rows":[${rows.join(",")}],"row_count":${result.rowCount}${extra}}`;
  const mayBeTooLarge = json.length * MAX_BYTES_PER_CHARACTER > maxBytes;
  if (mayBeTooLarge && Buffer.byteLength(json) > maxBytes) throw resultTooLarge(maxBytes);
  return json;
}

function rowFormOf(result: ResultSet, { rowMode, types }: ResultForm): RowForm {
  const encoderOf = (index: number): Encode =>
    types === "text" ? encodeString : encoderFor(result.fields[index]?.typeOid ?? 0, result.userTypes);
  if (rowMode === "object") return { columns: columnsByName(result, encoderOf), end: "}", empty: "{}" };
  const columns = result.fields.map((_, index) => ({
    index,
    prefix: index === 0 ? "[" : ",",
    encode: encoderOf(index),
  }));
  return { columns, end: "]", empty: "[]" };
}

/** A name that occurs twice stands once, at its first place and with its last value, as in a JavaScript object. */
function columnsByName(result: ResultSet, encoderOf: (index: number) => Encode): Column[] {
  const lastIndexByName = new Map(result.fields.map((field, index) => [field.name, index]));
  return [...lastIndexByName].map(([name, index], position) => ({
    index,
    prefix: `${position === 0 ? "{" : ","}${JSON.stringify(name)}:`,
    encode: encoderOf(index),
  }));
}

/** Cut off where it is longer than `room`. */
function encodeRow(row: readonly (string | null)[], { columns, end, empty }: RowForm, room: number): string {
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

/** `,"fields":[…],"command":"…"` */
function encodeFields({ fields, userTypes, commandTag }: ResultSet): string {
  const columns = fields.map(({ name, typeOid }) => ({ name, type: typeName(typeOid, userTypes), oid: typeOid }));
  return `,"fields":${JSON.stringify(columns)},"command":${JSON.stringify(commandTag.replace(COUNTS_OF_TAG, ""))}`;
}
