// Writes a result set in the JSON form of Neon's SQL over HTTP. Neon's drivers ask for PostgreSQL's text and parse it themselves. For
// a caller that does not ask for it, values follow Neon's own table and not docs/reference/values.md.

import type { ResultSet } from "../execution/results/result-set.ts";
import type { Field } from "../wire/field.ts";
import type { ResultForm } from "../base/query-request.ts";
import { encodeFields } from "./encode-fields.ts";
import { encodeRows } from "./encode-rows.ts";
import { encodersOf } from "./encoder-for.ts";
import type { JsonWriter } from "./json-writer.ts";
import { NEON_SCALAR_ENCODERS } from "./neon-scalar-encoders.ts";
import { encodeString, type Encode } from "./scalar-encoders.ts";

const describe = (field: Field): object => ({
  name: field.name,
  dataTypeID: field.typeOid,
  tableID: field.tableOid,
  columnID: field.columnNumber,
  dataTypeSize: field.typeSize,
  dataTypeModifier: field.typeModifier,
  format: "text",
});

/** @throws GatewayError RESULT_TOO_LARGE when the answer exceeds its limit. */
export function encodeNeonResult(json: JsonWriter, result: ResultSet, { rowMode, types }: ResultForm): void {
  const { fields, userTypes, commandTag } = result;
  const encoderOf = types === "text" ? (): Encode => encodeString : encodersOf(userTypes, NEON_SCALAR_ENCODERS);
  const [command = ""] = commandTag.split(" ", 1);
  const rowCount = /\d+$/.exec(commandTag)?.[0] ?? "null";
  json.text('{"fields":');
  encodeFields(json, fields, describe);
  json.text(',"rows":');
  encodeRows(json, result, { rowMode, encoderOf });
  json.text(
    `,"command":${JSON.stringify(command)},"rowCount":${rowCount},"rowAsArray":${String(rowMode === "array")}}`,
  );
}
