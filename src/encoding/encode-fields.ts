// What the columns of a result are, as JSON.

import type { Field } from "../execution/result-set.ts";
import type { JsonWriter } from "./json-writer.ts";

/**
 * Writes `[…]`, one column after the other, so that it is given up as soon as it is too long.
 *
 * @throws GatewayError RESULT_TOO_LARGE.
 */
export function encodeFields(json: JsonWriter, fields: readonly Field[], describe: (field: Field) => object): void {
  json.text("[");
  fields.forEach((field, index) => {
    if (index > 0) json.text(",");
    json.copy(Buffer.from(JSON.stringify(describe(field))));
    json.requireRoom();
  });
  json.text("]");
}
