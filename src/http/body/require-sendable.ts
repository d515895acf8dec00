// What PostgreSQL's text cannot carry: NUL, and half of a surrogate pair, in a statement or in a parameter.

import type { GatewayError } from "../../base/errors.ts";
import type { Parameter } from "../../base/parameters.ts";
import { invalid } from "./json-body.ts";

const ESCAPED_PAIR = /\\ud[89ab]..\\ud[c-f]../iy;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** @throws GatewayError INVALID_REQUEST */
export function requireSendable(sql: string, parameters: readonly Parameter[], sqlKey: string): void {
  requireSendableText(sql, `"${sqlKey}"`);
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
