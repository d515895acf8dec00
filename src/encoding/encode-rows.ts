// Writes the rows of a result as JSON. The encoders of its columns are chosen once for each result, and never for each value.

import { createBounds, type DataRow, locateValues, type ValueBounds } from "../wire/data-row.ts";
import type { ResultSet } from "../execution/results/result-set.ts";
import type { ResultForm } from "../base/query-request.ts";
import type { JsonWriter } from "./json-writer.ts";
import type { Encode } from "./scalar-encoders.ts";

export interface RowsForm extends Pick<ResultForm, "rowMode"> {
  /** The encoder of the type with this OID. */
  readonly encoderOf: (typeOid: number) => Encode;
}

const OPEN = Buffer.from("[");
const COMMA = Buffer.from(",");

interface NamedColumn {
  readonly index: number;
  readonly typeOid: number;
  /** The text before the value: `{"id":` for the first column of a row object, and `,"name":` for the others. */
  readonly prefix: Buffer;
}

interface Column extends NamedColumn {
  readonly encode: Encode;
}

interface RowPlan {
  readonly columns: readonly Column[];
  readonly end: "}" | "]";
  /** The JSON of a row without columns. */
  readonly empty: "{}" | "[]";
  /** The bounds of each value in the current row. */
  readonly bounds: ValueBounds;
}

/**
 * Writes `[{…},…]`.
 *
 * The text can be many times longer than what PostgreSQL sent, because column names stand in every row and a control character takes
 * six bytes. Writing therefore stops as soon as the text is too long.
 *
 * @throws GatewayError RESULT_TOO_LARGE when the answer exceeds its limit.
 */
export function encodeRows(json: JsonWriter, result: ResultSet, form: RowsForm): void {
  if (result.rows.length === 0) {
    json.text("[]");
    return;
  }
  const plan = planOf(result, form);
  json.expect(expectedBytes(result.rows, plan));
  let separator = "[";
  for (const row of result.rows) {
    json.text(separator);
    encodeRow(json, row, plan);
    json.requireRoom();
    separator = ",";
  }
  json.text("]");
}

/** Estimates the JSON size. The length that PostgreSQL sends before a value takes as many bytes as the quotes and comma around it. */
function expectedBytes(rows: readonly DataRow[], { columns }: RowPlan): number {
  let bytes = 0;
  for (const { prefix } of columns) bytes += prefix.length;
  bytes *= rows.length;
  for (const row of rows) bytes += row.length;
  return bytes;
}

function planOf({ fields }: ResultSet, { rowMode, encoderOf }: RowsForm): RowPlan {
  const bounds = createBounds(fields.length);
  const named = rowMode === "object" ? columnsByName(fields) : columnsInOrder(fields);
  const columns = named.map(({ index, typeOid, prefix }) => ({ index, typeOid, prefix, encode: encoderOf(typeOid) }));
  return rowMode === "object" ? { columns, end: "}", empty: "{}", bounds } : { columns, end: "]", empty: "[]", bounds };
}

/** Column encoders by the array of fields, which is the same each time a statement runs. */
const COLUMNS_BY_NAME = new WeakMap<ResultSet["fields"], readonly NamedColumn[]>();

function columnsByName(fields: ResultSet["fields"]): readonly NamedColumn[] {
  const known = COLUMNS_BY_NAME.get(fields);
  if (known !== undefined) return known;
  const columns = nameColumns(fields);
  COLUMNS_BY_NAME.set(fields, columns);
  return columns;
}

/** Drops repeated names. A repeated name keeps its first position and its last value, as in a JavaScript object. */
function nameColumns(fields: ResultSet["fields"]): readonly NamedColumn[] {
  const lastByName = new Map(fields.map(({ name, typeOid }, index) => [name, { index, typeOid }]));
  return [...lastByName].map(([name, { index, typeOid }], position) => ({
    index,
    typeOid,
    prefix: Buffer.from(`${position === 0 ? "{" : ","}${JSON.stringify(name)}:`),
  }));
}

function columnsInOrder(fields: ResultSet["fields"]): readonly NamedColumn[] {
  return fields.map(({ typeOid }, index) => ({ index, typeOid, prefix: index === 0 ? OPEN : COMMA }));
}

function encodeRow(json: JsonWriter, row: DataRow, { columns, end, empty, bounds }: RowPlan): void {
  if (columns.length === 0) {
    json.text(empty);
    return;
  }
  locateValues(row, bounds);
  const value = { bytes: row, start: 0, end: 0 };
  for (const { index, prefix, encode } of columns) {
    value.start = bounds[2 * index] ?? 0;
    value.end = bounds[2 * index + 1] ?? 0;
    json.copy(prefix);
    if (value.end < 0) json.text("null");
    else encode(json, value);
  }
  json.text(end);
}
