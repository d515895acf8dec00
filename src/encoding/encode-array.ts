// Encodes the text of a PostgreSQL array (`{1,NULL,"a b"}`, `[0:1]={{1},{2}}`) as a JSON array, in one pass. It reads the form that
// array_out writes, and not everything that array_in accepts.

import type { JsonWriter } from "./json-writer.ts";
import type { Encode, ValueText } from "./scalar-encoders.ts";

const QUOTE = 0x22;
const EQUALS = 0x3d;
const BOUNDS = 0x5b; // [
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const NULL = Buffer.from("NULL");

/** How the elements of an array type are encoded, and which character separates them in PostgreSQL's text. */
export interface ElementFormat {
  readonly encode: Encode;
  /** A character code: `;` for box, and `,` for all other built-in types. */
  readonly delimiter: number;
}

/** @throws (in the encoder) Error when the text is not an array. An error is better than a wrong answer. */
export function arrayEncoder(elements: ElementFormat): Encode {
  return (json, { bytes, start, end }) => {
    let at = startOfArray(bytes, start, end);
    while (at < end) {
      const punctuation = punctuationAt(bytes, at, elements.delimiter);
      if (punctuation !== undefined) {
        json.text(punctuation);
        at += 1;
      } else if (bytes[at] === QUOTE) at = encodeQuoted(json, { bytes, start: at + 1, end }, elements.encode);
      else at = encodeUnquoted(json, { bytes, start: at, end }, elements);
    }
  };
}

/** Returns the index of the opening brace. Bounds stand in front of it only if a lower bound is not 1. */
function startOfArray(bytes: Buffer, start: number, end: number): number {
  const open = bytes[start] === BOUNDS ? start + bytes.subarray(start, end).indexOf(EQUALS) + 1 : start;
  if (open >= end || bytes[open] !== OPEN || bytes[end - 1] !== CLOSE)
    throw new Error("An array's text does not have the form of an array");
  return open;
}

/** Returns the JSON of the brace or delimiter at this index, or undefined if an element begins here. */
function punctuationAt(bytes: Buffer, at: number, delimiter: number): string | undefined {
  const code = bytes[at];
  if (code === delimiter) return ",";
  if (code === OPEN) return "[";
  return code === CLOSE ? "]" : undefined;
}

/** Encodes a quoted element and returns the index after its closing quote. */
function encodeQuoted(json: JsonWriter, { bytes, start, end }: ValueText, encode: Encode): number {
  let escapes = 0;
  for (let at = start; at < end; at++) {
    if (bytes[at] === BACKSLASH) {
      escapes += 1;
      at += 1;
    } else if (bytes[at] === QUOTE) {
      if (escapes === 0) encode(json, { bytes, start, end: at });
      else encode(json, unescaped(bytes.subarray(start, at), escapes));
      return at + 1;
    }
  }
  throw endless();
}

/** Removes the escapes. array_out puts a backslash before a quote and before a backslash, and escapes nothing else. */
function unescaped(bytes: Buffer, escapes: number): ValueText {
  const text = Buffer.allocUnsafe(bytes.length - escapes);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === BACKSLASH) at += 1;
    text[length++] = bytes[at] ?? 0;
  }
  return { bytes: text, start: 0, end: length };
}

/** Encodes an unquoted element and returns the index after it. Only an unquoted NULL is NULL: array_out quotes the string. */
function encodeUnquoted(
  json: JsonWriter,
  { bytes, start, end }: ValueText,
  { encode, delimiter }: ElementFormat,
): number {
  let at = start;
  while (at < end && bytes[at] !== delimiter && bytes[at] !== CLOSE) at++;
  if (at === end) throw endless();
  if (at - start === NULL.length && bytes.compare(NULL, 0, NULL.length, start, at) === 0) json.text("null");
  else encode(json, { bytes, start, end: at });
  return at;
}

function endless(): Error {
  return new Error("An element of an array's text does not end");
}
