// Encodes PostgreSQL's text of one value as JSON, for values that are not arrays, by the table in docs/reference/values.md. Bytes are
// copied and never parsed, so that no value can lose digits, keys or bytes.

import type { JsonWriter } from "./json-writer.ts";

/** The position of one value's text in the bytes that PostgreSQL sent. */
export interface ValueText {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Writes a value that is not NULL. It must not keep the ValueText, because the caller reuses that object for the next value. */
export type Encode = (json: JsonWriter, value: ValueText) => void;

const SPACE = 0x20;
const PLUS = 0x2b;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_T = 0x74;
/** A number with at most this many characters, sign included, always fits a double exactly. */
const ALWAYS_SAFE_CHARACTERS = 15;

export const encodeString: Encode = (json, { bytes, start, end }) => json.string(bytes, start, end);

/** Copies text that is JSON already: json, jsonb, and whole numbers that fit a double. */
export const encodeVerbatim: Encode = (json, { bytes, start, end }) => json.copy(bytes, start, end);

export const encodeBoolean: Encode = (json, { bytes, start }) =>
  json.text(bytes[start] === LETTER_T ? "true" : "false");

/** Copies a finite float, whose text is a JSON number (also `-0` and `1e+20`). NaN and the infinities, which end in a letter, become strings. */
export const encodeFloat: Encode = (json, value) =>
  (value.bytes[value.end - 1] ?? 0) > NINE ? encodeString(json, value) : encodeVerbatim(json, value);

const encodeInt8: Encode = (json, value) => {
  const { bytes, start, end } = value;
  const isSafe =
    end - start <= ALWAYS_SAFE_CHARACTERS || Number.isSafeInteger(Number(bytes.toString("latin1", start, end)));
  if (isSafe) encodeVerbatim(json, value);
  else encodeString(json, value);
};

/** Writes `2026-02-03 04:05:06.789+00` as RFC 3339. It leaves `infinity` and years BC, which RFC 3339 cannot express, as they are. */
const encodeTimestamptz: Encode = (json, value) => {
  const { bytes, start, end } = value;
  let space = start;
  while (space < end && bytes[space] !== SPACE) space += 1;
  if (space === end || bytes[end - 1] !== ZERO || bytes[end - 2] !== ZERO || bytes[end - 3] !== PLUS) {
    encodeString(json, value);
    return;
  }
  json.text('"');
  json.copy(bytes, start, space);
  json.text("T");
  json.copy(bytes, space + 1, end);
  json.text(':00"');
};

/** Encoders, by OID, of the built-in types whose JSON is not a string with PostgreSQL's own text. */
export const SCALAR_ENCODERS: ReadonlyMap<number, Encode> = new Map([
  [16, encodeBoolean], // bool
  [20, encodeInt8], // int8
  [21, encodeVerbatim], // int2
  [23, encodeVerbatim], // int4
  [26, encodeVerbatim], // oid
  [114, encodeVerbatim], // json
  [700, encodeFloat], // float4
  [701, encodeFloat], // float8
  [1184, encodeTimestamptz], // timestamptz
  [3802, encodeVerbatim], // jsonb
]);
