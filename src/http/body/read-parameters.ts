// Parameters with the exact text that the body has for them. JSON.parse would round big integers and long decimals,
// drop `1.0` to `1` and reorder keys; here each parameter is cut out of the body's own text, and stays one text however
// many elements it has. Only for texts that JSON.parse has accepted: nothing is checked twice. Linear, and nothing recurses.

import { GatewayError } from "../../base/errors.ts";
import type { Parameter } from "../../base/parameters.ts";

/** PostgreSQL's arrays have 6 dimensions at most; deeper ones can only be JSON. */
export const MAX_ARRAY_DEPTH = 1_000;

const BETWEEN_VALUES = new Set([" ", "\t", "\n", "\r", ",", ":"]);
const END_OF_SCALAR = /[\s,\]}]/g;
const INTEGER = /^-?\d+$/;

const QUOTE = 0x22;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

interface Cursor {
  readonly text: string;
  position: number;
}

/**
 * The elements of the array under the top-level key `params`; of several such keys the last counts, as in JSON.parse.
 *
 * @throws GatewayError INVALID_REQUEST when arrays are nested too deeply.
 */
export function readParameters(body: string): readonly Parameter[] {
  return readElements(body, "params").map(toParameter);
}

/** The texts of the elements of the array under a top-level key of an object; none where there is no such key. */
export function readElements(object: string, key: string): readonly string[] {
  const start = findMember({ text: object, position: object.indexOf("{") + 1 }, key);
  if (start === undefined) return [];
  const cursor: Cursor = { text: object, position: start + 1 };
  const elements: string[] = [];
  while (skipToValue(cursor) !== "]") elements.push(takeValue(cursor));
  return elements;
}

function findMember(cursor: Cursor, name: string): number | undefined {
  let found: number | undefined;
  for (let next = skipToValue(cursor); next !== "}"; next = skipToValue(cursor)) {
    const key = takeValue(cursor);
    skipToValue(cursor);
    if (key === `"${name}"` || (key.includes("\\") && JSON.parse(key) === name)) found = cursor.position;
    takeValue(cursor);
  }
  return found;
}

function toParameter(source: string): Parameter {
  switch (source.charAt(0)) {
    case '"':
      return { kind: "string", text: JSON.parse(source) as string };
    case "{":
      return { kind: "object", text: source };
    case "[":
      requireDepth(source);
      return { kind: "array", text: source };
    case "n":
      return { kind: "null" };
    case "t":
    case "f":
      return { kind: "boolean", text: source };
    default:
      return { kind: INTEGER.test(source) ? "integer" : "number", text: source };
  }
}

/** Arrays within objects do not count: objects are JSON in any case. */
function requireDepth(array: string): void {
  let depth = 1; // That of the list of parameters.
  for (let position = 0; position < array.length;) {
    const code = array.charCodeAt(position);
    if (code === OPEN_BRACKET) depth += 1;
    else if (code === CLOSE_BRACKET) depth -= 1;
    if (depth > MAX_ARRAY_DEPTH)
      throw new GatewayError("INVALID_REQUEST", `Arrays in "params" are nested deeper than ${MAX_ARRAY_DEPTH} levels`);
    if (code === QUOTE) position = endOfString(array, position);
    else if (code === OPEN_BRACE) position = endOfContainer(array, position);
    else position += 1;
  }
}

/** Moves to the next value, key or closing bracket and tells its first character. */
function skipToValue(cursor: Cursor): string {
  let next = cursor.text.charAt(cursor.position);
  while (BETWEEN_VALUES.has(next)) next = cursor.text.charAt(++cursor.position);
  return next;
}

/** The text of the value at the cursor, which moves behind it. */
function takeValue(cursor: Cursor): string {
  const start = cursor.position;
  cursor.position = endOfValue(cursor.text, start);
  return cursor.text.slice(start, cursor.position);
}

function endOfValue(text: string, start: number): number {
  const first = text.charAt(start);
  if (first === '"') return endOfString(text, start);
  if (first === "{" || first === "[") return endOfContainer(text, start);
  return indexOfNext(END_OF_SCALAR, text, start);
}

function endOfString(text: string, start: number): number {
  let position = start + 1;
  for (let code = text.charCodeAt(position); code !== QUOTE; code = text.charCodeAt(position))
    position += code === BACKSLASH ? 2 : 1;
  return position + 1;
}

function endOfContainer(text: string, start: number): number {
  let depth = 0;
  let position = start;
  do {
    const code = text.charCodeAt(position);
    if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1;
    position = code === QUOTE ? endOfString(text, position) : position + 1;
  } while (depth > 0);
  return position;
}

function indexOfNext(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? text.length;
}
