// A result set → a QueryResponse. What a value looks like is encoder-for.ts's.

import type { ResultSet } from "../execution/result-set.ts";
import type { ResultForm } from "../query-request.ts";
import { encodeRows } from "./encode-rows.ts";
import { encoderFor } from "./encoder-for.ts";
import type { JsonWriter } from "./json-writer.ts";
import { encodeString, type Encode } from "./scalar-encoders.ts";
import { typeName } from "./type-name.ts";

/** `INSERT 0 5` → `INSERT`. */
const COUNTS_OF_TAG = /[ 0-9]+$/;

/**
 * Writes `{"rows":[…],"row_count":n}`, and what the form asks for besides.
 *
 * @throws GatewayError RESULT_TOO_LARGE.
 */
export function encodeResultSet(json: JsonWriter, result: ResultSet, { rowMode, types, withFields }: ResultForm): void {
  const encoderOf = (index: number): Encode =>
    types === "text" ? encodeString : encoderFor(result.fields[index]?.typeOid ?? 0, result.userTypes);
  json.text('{"rows":');
  encodeRows(json, result, { rowMode, encoderOf });
  json.text(`,"row_count":${result.rowCount}`);
  if (withFields) json.copy(Buffer.from(describeFields(result)));
  json.text("}");
}

/** `,"fields":[…],"command":"…"` */
function describeFields({ fields, userTypes, commandTag }: ResultSet): string {
  const columns = fields.map(({ name, typeOid }) => ({ name, type: typeName(typeOid, userTypes), oid: typeOid }));
  return `,"fields":${JSON.stringify(columns)},"command":${JSON.stringify(commandTag.replace(COUNTS_OF_TAG, ""))}`;
}
