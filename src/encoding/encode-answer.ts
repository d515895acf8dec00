// The last stage of a request: writes the JSON text of an answer. A single statement's result stands alone, a batch's results stand in
// a list, and the size limit counts for all of them together. Execution calls it before it commits a change, so that an answer
// that is too large undoes the change.

import type { ResultSet } from "../execution/results/result-set.ts";
import { DEFAULT_FORM, type QueryRequest, type StatementRequest } from "../base/query-request.ts";
import { encodeNeonResult } from "./encode-neon-result.ts";
import { encodeResultSet } from "./encode-result-set.ts";
import { JsonWriter } from "./json-writer.ts";

export interface AnswerForm extends Pick<QueryRequest, "isBatch"> {
  readonly statements: readonly Pick<StatementRequest, "form">[];
}

/** @throws GatewayError RESULT_TOO_LARGE when the answer has more than `maxBytes`. */
export function encodeAnswer(
  results: readonly ResultSet[],
  { isBatch, statements }: AnswerForm,
  maxBytes: number,
): Buffer {
  const json = new JsonWriter(maxBytes);
  json.text(isBatch ? '{"results":[' : "");
  results.forEach((result, index) => {
    const form = statements[index]?.form ?? DEFAULT_FORM;
    json.text(index === 0 ? "" : ",");
    if (form.layout === "neon") encodeNeonResult(json, result, form);
    else encodeResultSet(json, result, form);
  });
  json.text(isBatch ? "]}" : "");
  return json.take();
}
