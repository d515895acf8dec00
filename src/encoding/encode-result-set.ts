// Writes a result set as a QueryResponse. encoder-for.ts decides what each value looks like.

import type { ResultSet } from "../execution/results/result-set.ts";
import type { Field } from "../wire/field.ts";
import type { ResultForm } from "../base/query-request.ts";
import { encodeFields } from "./encode-fields.ts";
import { encodeRows } from "./encode-rows.ts";
import { encodersOf } from "./encoder-for.ts";
import type { JsonWriter } from "./json-writer.ts";
import { encodeString, type Encode } from "./scalar-encoders.ts";
import { typeName } from "./type-name.ts";

/** Returns the verb of a command tag: `INSERT` for `INSERT 0 5`. */
const COUNTS_OF_TAG = /[ 0-9]+$/;

/**
 * Writes `{"rows":[…],"row_count":n}` and the further keys that the form asks for.
 *
 * @throws GatewayError RESULT_TOO_LARGE when the answer exceeds its limit.
 */
export function encodeResultSet(json: JsonWriter, result: ResultSet, { rowMode, types, withFields }: ResultForm): void {
  const encoderOf = types === "text" ? (): Encode => encodeString : encodersOf(result.userTypes);
  json.text('{"rows":');
  encodeRows(json, result, { rowMode, encoderOf });
  json.text(`,"row_count":${result.rowCount}`);
  if (withFields) {
    json.text(',"fields":');
    const describe = ({ name, typeOid }: Field) => ({ name, type: typeName(typeOid, result.userTypes), oid: typeOid });
    encodeFields(json, result.fields, describe);
    json.text(`,"command":${JSON.stringify(result.commandTag.replace(COUNTS_OF_TAG, ""))}`);
  }
  json.text("}");
}
