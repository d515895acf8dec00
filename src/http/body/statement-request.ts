// One statement of a body, `{"sql": …, "params": […]}`, and a list of them: their form, their Unicode, their parameters.

import { errorOfStatement, GatewayError } from "../../base/errors.ts";
import { MAX_PARAMETERS } from "../../base/parameters.ts";
import type { ResultForm, StatementRequest } from "../../base/query-request.ts";
import { invalid, isObject, type JsonBody, kindOf } from "./json-body.ts";
import { readElements, readParameters } from "./read-parameters.ts";
import { requireSendable } from "./require-sendable.ts";

/** What a batch costs beside its texts is then bounded: its messages, its results, the judge's look-ups. */
const MAX_STATEMENTS = 1_000;

/** Without one of these escapes, a text that was decoded from valid UTF-8 holds neither NUL nor half a surrogate pair. */
const SUSPICIOUS_ESCAPE = /\\u(?:0000|d[89a-f])/i;

/** How a protocol writes a statement. */
export interface StatementReading {
  /** Under which the statement's text stands. */
  readonly sqlKey: string;
  /** The form of its result, from what stands beside the text. */
  readonly formOf: (statement: JsonBody["object"]) => ResultForm;
}

/** @throws GatewayError INVALID_REQUEST */
export function parseStatement({ object, text }: JsonBody, { sqlKey, formOf }: StatementReading): StatementRequest {
  const { [sqlKey]: sql, params } = object;
  requireString(sql, sqlKey);
  requireParameterList(params);
  const parameters = params ? readParameters(text) : [];
  if (SUSPICIOUS_ESCAPE.test(text)) requireSendable(sql, parameters, sqlKey);
  return { sql, params: parameters, form: formOf(object) };
}

/** @throws GatewayError INVALID_REQUEST; where one statement is at fault, with its number. */
export function parseStatements(
  { object, text }: JsonBody,
  { listKey, ...reading }: StatementReading & { readonly listKey: string },
): StatementRequest[] {
  const list = object[listKey];
  const form = `it must be an array of objects such as {"${reading.sqlKey}": "SELECT $1::int", "params": [1]}`;
  if (!Array.isArray(list)) throw invalid(`"${listKey}" is ${kindOf(list)}; ${form}`);
  if (list.length > MAX_STATEMENTS)
    throw invalid(`"${listKey}" has ${list.length} statements; send ${MAX_STATEMENTS} at most`);
  const texts = readElements(text, listKey);
  return list.map((element: unknown, index) =>
    ofStatement(index, () => {
      if (!isObject(element)) throw invalid(`A statement is ${kindOf(element)}; ${form}`);
      return parseStatement({ object: element, text: texts[index] ?? "" }, reading);
    }),
  );
}

function ofStatement<T>(statement: number, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof GatewayError ? errorOfStatement(error, statement) : error;
  }
}

function requireString(sql: unknown, key: string): asserts sql is string {
  if (sql === undefined) throw invalid(`"${key}" is missing; it must be a string with one SQL statement`);
  if (typeof sql !== "string") throw invalid(`"${key}" is ${kindOf(sql)}; it must be a string with one SQL statement`);
}

function requireParameterList(params: unknown): asserts params is readonly unknown[] | null | undefined {
  if (params === undefined || params === null) return;
  if (!Array.isArray(params)) throw invalid(`"params" is ${kindOf(params)}; it must be an array such as [1, "a"]`);
  if (params.length > MAX_PARAMETERS)
    throw invalid(`"params" has ${params.length} elements; PostgreSQL takes ${MAX_PARAMETERS} at most`);
}
