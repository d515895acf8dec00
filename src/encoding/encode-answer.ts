// The JSON text of an answer: one result as it is, a batch's in a list, all of them together no larger than allowed.

import { resultTooLarge } from "../errors.ts";
import type { ResultSet } from "../execution/result-set.ts";
import { DEFAULT_FORM, type QueryRequest, type ResultForm } from "../query-request.ts";
import { encodeNeonResult } from "./encode-neon-result.ts";
import { encodeResultSet } from "./encode-result-set.ts";

const START = '{"results":[';
const END = "]}";

/** @throws GatewayError RESULT_TOO_LARGE when its UTF-8 has more than `maxBytes`. */
export function encodeAnswer(
  results: readonly ResultSet[],
  { isBatch, statements }: Pick<QueryRequest, "isBatch" | "statements">,
  maxBytes: number,
): string {
  const [only] = results;
  if (!isBatch && only !== undefined) return encodeResult(only, statements[0]?.form, maxBytes);
  const parts: string[] = [];
  let bytes = START.length + END.length;
  for (const [index, result] of results.entries()) {
    // A part is given up where it alone is too large, and counted where it is not.
    const json = encodeResult(result, statements[index]?.form, maxBytes);
    bytes += Buffer.byteLength(json) + (parts.length > 0 ? 1 : 0);
    if (bytes > maxBytes) throw resultTooLarge(maxBytes);
    parts.push(json);
  }
  return START + parts.join(",") + END;
}

function encodeResult(result: ResultSet, form: ResultForm = DEFAULT_FORM, maxBytes: number): string {
  return form.layout === "neon" ? encodeNeonResult(result, maxBytes, form) : encodeResultSet(result, maxBytes, form);
}
