// From PostgreSQL's text of one value to its JSON text, for values that are not arrays. docs/reference/values.md is the
// table. No value becomes a JavaScript number or object on the way, so none can lose digits, keys or bytes.

/** Turns the text that PostgreSQL sent for a value (never for NULL) into JSON text. */
export type Encode = (text: string) => string;

const NINE = 57;
const ESCAPED_IN_JSON = /["\\\u0000-\u001f]/;

export const encodeString: Encode = (text) => (ESCAPED_IN_JSON.test(text) ? JSON.stringify(text) : `"${text}"`);

/** For text that is JSON already: json, jsonb and the whole numbers that fit a double. */
export const encodeVerbatim: Encode = (text) => text;

export const encodeBoolean: Encode = (text) => (text === "t" ? "true" : "false");

/** PostgreSQL's text of a finite float is a JSON number (`-0` and `1e+20` too); NaN and the infinities end in a letter. */
export const encodeFloat: Encode = (text) => (text.charCodeAt(text.length - 1) > NINE ? `"${text}"` : text);

const encodeInt8: Encode = (text) => (Number.isSafeInteger(Number(text)) ? text : `"${text}"`);

/** `2026-02-03 04:05:06.789+00` to RFC 3339; `infinity` and years BC, which it cannot express, stay as they are. */
const encodeTimestamptz: Encode = (text) =>
  text.endsWith("+00") ? `"${text.replace(" ", "T")}:00"` : encodeString(text);

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
