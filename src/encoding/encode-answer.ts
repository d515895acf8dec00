// The JSON text of an answer: one result as it is, a batch's in a list, all of them together no larger than allowed.

import { resultTooLarge } from "../errors.ts";
import type { ResultSet } from "../execution/result-set.ts";
import type { QueryRequest } from "../query-request.ts";
import { encodeResultSet } from "./encode-result-set.ts";

const START = '{"results":[';
const END = "]}";

/** @throws GatewayError RESULT_TOO_LARGE when its UTF-8 has more than `maxBytes`. */
export function encodeAnswer(
  results: readonly ResultSet[],
  { isBatch, form }: Pick<QueryRequest, "isBatch" | "form">,
  maxBytes: number,
): string {
  const [only] = results;
  if (!isBatch && only !== undefined) return encodeResultSet(only, maxBytes, form);
  const parts: string[] = [];
  let bytes = START.length + END.length;
  for (const result of results) {
    // A part is given up where it alone is too large, and counted where it is not.
    const json = encodeResultSet(result, maxBytes, form);
    bytes += Buffer.byteLength(json) + (parts.length > 0 ? 1 : 0);
    if (bytes > maxBytes) throw resultTooLarge(maxBytes);
    parts.push(json);
  }
  return START + parts.join(",") + END;
}
