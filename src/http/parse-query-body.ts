// The body of POST /query → QueryRequest: its form, its Unicode, its parameters. What the SQL means is judged later.

import { GatewayError } from "../errors.ts";
import { MAX_PARAMETERS, type Parameter } from "../parameters.ts";
import { DEFAULT_FORM, type QueryRequest, type ResultForm } from "../query-request.ts";
import { readParameters } from "./read-parameters.ts";
import { requireModestJson } from "./require-modest-json.ts";

const EXAMPLE = '{"sql": "SELECT $1::int", "params": [1]}';
/** Without one of these escapes, a text that was decoded from valid UTF-8 holds neither NUL nor half a surrogate pair. */
const SUSPICIOUS_ESCAPE = /\\u(?:0000|d[89a-f])/i;
const ESCAPED_PAIR = /\\ud[89ab]..\\ud[c-f]../iy;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Leaves a byte-order mark out, as RFC 8259 allows. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** @throws GatewayError INVALID_REQUEST naming the first thing that is wrong and the form that is expected. */
export function parseQueryBody(bytes: Uint8Array): QueryRequest {
  requireModestJson(bytes);
  const text = decode(bytes);
  const body = parseObject(text);
  const { sql, params } = body;
  requireString(sql);
  requireParameterList(params);
  const parameters = params ? readParameters(text) : [];
  if (SUSPICIOUS_ESCAPE.test(text)) requireSendable(sql, parameters);
  return { sql, params: parameters, form: readForm(body) };
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw invalid("The body is not valid UTF-8", cause);
  }
}

/** What is read of a body; of anything else nothing is. */
interface Body {
  readonly sql?: unknown;
  readonly params?: unknown;
  readonly row_mode?: unknown;
  readonly types?: unknown;
  readonly fields?: unknown;
}

function parseObject(text: string): Body {
  if (text.trim() === "") throw invalid(`The body is empty; send a JSON object such as ${EXAMPLE}`);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw invalid(`The body is not valid JSON: ${(cause as SyntaxError).message}`, cause);
  }
  if (kindOf(body) !== "an object") throw invalid(`The body is ${kindOf(body)}; send a JSON object such as ${EXAMPLE}`);
  return body as object;
}

function requireString(sql: unknown): asserts sql is string {
  if (sql === undefined) throw invalid('"sql" is missing; it must be a string with one SQL statement');
  if (typeof sql !== "string") throw invalid(`"sql" is ${kindOf(sql)}; it must be a string with one SQL statement`);
}

function requireParameterList(params: unknown): asserts params is readonly unknown[] | null | undefined {
  if (params === undefined || params === null) return;
  if (!Array.isArray(params)) throw invalid(`"params" is ${kindOf(params)}; it must be an array such as [1, "a"]`);
  if (params.length > MAX_PARAMETERS)
    throw invalid(`"params" has ${params.length} elements; PostgreSQL takes ${MAX_PARAMETERS} at most`);
}

/** Keys of which none is given cost no object. Null counts as left out. */
function readForm({ row_mode: rowMode, types, fields }: Body): ResultForm {
  if (rowMode === undefined && types === undefined && fields === undefined) return DEFAULT_FORM;
  return {
    rowMode: readWord(rowMode ?? "object", "row_mode", ["object", "array"]),
    types: readWord(types ?? "json", "types", ["json", "text"]),
    withFields: readFlag(fields, "fields"),
  };
}

function readWord<Word extends string>(value: unknown, key: string, words: readonly Word[]): Word {
  const word = words.find((each) => each === value);
  if (word === undefined) throw invalid(`"${key}" must be ${words.map((each) => `"${each}"`).join(" or ")}`);
  return word;
}

function readFlag(value: unknown, key: string): boolean {
  if (typeof (value ?? false) !== "boolean") throw invalid(`"${key}" is ${kindOf(value)}; it must be true or false`);
  return value === true;
}

function requireSendable(sql: string, parameters: readonly Parameter[]): void {
  requireSendableText(sql, '"sql"');
  for (const [index, parameter] of parameters.entries()) {
    const name = `Parameter $${index + 1}`;
    if (parameter.kind === "string") requireSendableText(parameter.text, name);
    else if (parameter.kind !== "null") requireSendableJson(parameter.text, name);
  }
}

function requireSendableText(text: string, name: string): void {
  if (text.includes("\0")) throw nul(name);
  if (LONE_SURROGATE.test(text)) throw halfPair(name);
}

/** Finds in a JSON text what its escapes stand for: it came as valid UTF-8, so nothing else can be amiss. */
function requireSendableJson(text: string, name: string): void {
  for (let start = text.indexOf("\\"); start >= 0; start = text.indexOf("\\", start + 2)) {
    if (text[start + 1] !== "u") continue;
    const unit = Number.parseInt(text.slice(start + 2, start + 6), 16);
    if (unit === 0) throw nul(name);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    ESCAPED_PAIR.lastIndex = start;
    if (!ESCAPED_PAIR.test(text)) throw halfPair(name);
    start += 6; // To the second half.
  }
}

function nul(name: string): GatewayError {
  return invalid(`${name} holds a NUL character (\\u0000), which PostgreSQL cannot store`);
}

function halfPair(name: string): GatewayError {
  return invalid(`${name} holds half of a surrogate pair, which is not valid Unicode`);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function invalid(message: string, cause?: unknown): GatewayError {
  return new GatewayError("INVALID_REQUEST", message, { cause });
}
