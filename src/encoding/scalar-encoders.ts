// From PostgreSQL's text of one value to its JSON text, for values that are not arrays. docs/reference/values.md is the
// table. Bytes become bytes: what is written is what came, so that no value can lose digits, keys or bytes on the way.

import type { JsonWriter } from "./json-writer.ts";

/** Where the text of a value lies that PostgreSQL has sent. */
export interface ValueText {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Writes a value, never NULL. It keeps nothing of what it is given: the same object comes with the next value. */
export type Encode = (json: JsonWriter, value: ValueText) => void;

const SPACE = 0x20;
const PLUS = 0x2b;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_T = 0x74;
/** Fewer characters than the shortest number that a double cannot hold has, sign included. */
const ALWAYS_SAFE_CHARACTERS = 15;

export const encodeString: Encode = (json, { bytes, start, end }) => json.string(bytes, start, end);

/** For text that is JSON already: json, jsonb and the whole numbers that fit a double. */
export const encodeVerbatim: Encode = (json, { bytes, start, end }) => json.copy(bytes, start, end);

export const encodeBoolean: Encode = (json, { bytes, start }) =>
  json.text(bytes[start] === LETTER_T ? "true" : "false");

/** PostgreSQL's text of a finite float is a JSON number (`-0` and `1e+20` too); NaN and the infinities end in a letter. */
export const encodeFloat: Encode = (json, value) =>
  (value.bytes[value.end - 1] ?? 0) > NINE ? encodeString(json, value) : encodeVerbatim(json, value);

const encodeInt8: Encode = (json, value) => {
  const { bytes, start, end } = value;
  const isSafe =
    end - start <= ALWAYS_SAFE_CHARACTERS || Number.isSafeInteger(Number(bytes.toString("latin1", start, end)));
  if (isSafe) encodeVerbatim(json, value);
  else encodeString(json, value);
};

/** `2026-02-03 04:05:06.789+00` to RFC 3339; `infinity` and years BC, which it cannot express, stay as they are. */
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

/** Built-in types whose JSON form is not a string, or not PostgreSQL's own text, by OID. */
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
