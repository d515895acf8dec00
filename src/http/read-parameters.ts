// Parameters with the exact text that the body has for them. JSON.parse would round big integers and long decimals,
// drop `1.0` to `1` and reorder keys; here each parameter is cut out of the body's own text. Only for texts that
// JSON.parse has accepted: nothing is checked twice. One pass, linear, and recursive for arrays within arrays only.

import { GatewayError } from "../errors.ts";
import type { Parameter } from "../parameters.ts";

/** PostgreSQL's arrays have 6 dimensions at most; deeper ones can only be JSON. Bounds the recursion. */
export const MAX_ARRAY_DEPTH = 1_000;

const BETWEEN_VALUES = new Set([" ", "\t", "\n", "\r", ",", ":"]);
const END_OF_SCALAR = /[\s,\]}]/g;
const STRUCTURE = /["[\]{}]/g;
const INTEGER = /^-?\d+$/;

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
  const start = findMember({ text: body, position: body.indexOf("{") + 1 }, "params");
  return start === undefined ? [] : readArray({ text: body, position: start }, 0).elements;
}

function findMember(cursor: Cursor, name: string): number | undefined {
  let found: number | undefined;
  for (let next = skipToValue(cursor); next !== "}"; next = skipToValue(cursor)) {
    const key: unknown = JSON.parse(takeValue(cursor));
    skipToValue(cursor);
    if (key === name) found = cursor.position;
    takeValue(cursor);
  }
  return found;
}

function readArray(cursor: Cursor, depth: number): Extract<Parameter, { kind: "array" }> {
  if (depth >= MAX_ARRAY_DEPTH)
    throw new GatewayError("INVALID_REQUEST", `Arrays in "params" are nested deeper than ${MAX_ARRAY_DEPTH} levels`);
  const start = cursor.position;
  cursor.position += 1;
  const elements: Parameter[] = [];
  for (let next = skipToValue(cursor); next !== "]"; next = skipToValue(cursor)) {
    elements.push(next === "[" ? readArray(cursor, depth + 1) : toParameter(takeValue(cursor)));
  }
  cursor.position += 1;
  return { kind: "array", text: cursor.text.slice(start, cursor.position), elements };
}

function toParameter(source: string): Parameter {
  switch (source.charAt(0)) {
    case '"':
      return { kind: "string", text: JSON.parse(source) as string };
    case "{":
      return { kind: "object", text: source };
    case "n":
      return { kind: "null" };
    case "t":
    case "f":
      return { kind: "boolean", text: source };
    default:
      return { kind: INTEGER.test(source) ? "integer" : "number", text: source };
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
  let quote = text.indexOf('"', start + 1);
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote + 1;
}

/** An odd number of backslashes in front: the last of them belongs to the character. */
function isEscaped(text: string, position: number): boolean {
  let backslashes = 0;
  while (text[position - 1 - backslashes] === "\\") backslashes += 1;
  return backslashes % 2 === 1;
}

function endOfContainer(text: string, start: number): number {
  let depth = 0;
  let position = start;
  do {
    position = indexOfNext(STRUCTURE, text, position);
    const mark = text.charAt(position);
    if (mark === '"') position = endOfString(text, position);
    else {
      depth += mark === "{" || mark === "[" ? 1 : -1;
      position += 1;
    }
  } while (depth > 0);
  return position;
}

function indexOfNext(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? text.length;
}
