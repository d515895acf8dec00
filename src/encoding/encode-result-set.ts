// A result set → the JSON text of a QueryResponse, no larger than allowed. What a value looks like is encoder-for.ts's.
// Execution calls it before it commits a change, so that an answer too large undoes the change.

import type { ResultSet } from "../execution/result-set.ts";
import { DEFAULT_FORM, type ResultForm } from "../query-request.ts";
import { encodeRows, requireSize } from "./encode-rows.ts";
import { encoderFor } from "./encoder-for.ts";
import { encodeString, type Encode } from "./scalar-encoders.ts";
import { typeName } from "./type-name.ts";

/** `INSERT 0 5` → `INSERT`. */
const COUNTS_OF_TAG = /[ 0-9]+$/;

/**
 * `{"rows":[…],"row_count":n}`, and what the form asks for besides.
 *
 * @throws GatewayError RESULT_TOO_LARGE when its UTF-8 has more than `maxBytes`.
 */
export function encodeResultSet(
  result: ResultSet,
  maxBytes = Number.POSITIVE_INFINITY,
  { rowMode, types, withFields }: ResultForm = DEFAULT_FORM,
): string {
  const encoderOf = (index: number): Encode =>
    types === "text" ? encodeString : encoderFor(result.fields[index]?.typeOid ?? 0, result.userTypes);
  const rows = encodeRows(result, { rowMode, encoderOf }, maxBytes);
  const extra = withFields ? encodeFields(result) : "";
  return requireSize(`{"rows":${rows},"row_count":${result.rowCount}${extra}}`, maxBytes);
}

/** `,"fields":[…],"command":"…"` */
function encodeFields({ fields, userTypes, commandTag }: ResultSet): string {
  const columns = fields.map(({ name, typeOid }) => ({ name, type: typeName(typeOid, userTypes), oid: typeOid }));
  return `,"fields":${JSON.stringify(columns)},"command":${JSON.stringify(commandTag.replace(COUNTS_OF_TAG, ""))}`;
}
