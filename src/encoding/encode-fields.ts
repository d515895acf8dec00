// Writes the description of a result's columns as JSON.

import type { Field } from "../wire/field.ts";
import type { JsonWriter } from "./json-writer.ts";

const MAX_PIECE = 16_384;

/**
 * Writes `[…]` piece by piece, so that it stops as soon as the text is too long.
 *
 * @throws GatewayError RESULT_TOO_LARGE when the answer exceeds its limit.
 */
export function encodeFields(json: JsonWriter, fields: readonly Field[], describe: (field: Field) => object): void {
  let text = "[";
  fields.forEach((field, index) => {
    text += (index === 0 ? "" : ",") + JSON.stringify(describe(field));
    if (text.length < MAX_PIECE) return;
    json.copy(Buffer.from(text));
    json.requireRoom();
    text = "";
  });
  json.copy(Buffer.from(`${text}]`));
}
