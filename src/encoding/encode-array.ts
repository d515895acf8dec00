// From the text of a PostgreSQL array (`{1,NULL,"a b"}`, `[0:1]={{1},{2}}`) to a JSON array, in one pass. It knows the
// form that array_out writes, not everything that array_in reads.

import { encodeString, type Encode } from "./scalar-encoders.ts";

const CONTROL_CHARACTER = /[\u0000-\u001f]/;

/** How the elements of an array type are encoded, and what stands between two of them in its text. */
export interface ElementFormat {
  readonly encode: Encode;
  /** One character: `;` for box, `,` for all other built-in types. */
  readonly delimiter: string;
}

/** @throws Error when the text is not an array's: better no answer than a wrong one. */
export function encodeArray(text: string, elements: ElementFormat): string {
  let json = "";
  let at = startOfArray(text);
  while (at < text.length) {
    const punctuation = punctuationAt(text, at, elements.delimiter);
    const end = punctuation === "" ? endOfElement(text, at, elements.delimiter) : at + 1;
    json += punctuation === "" ? encodeElement(text.slice(at, end), elements.encode) : punctuation;
    at = end;
  }
  return json;
}

/** Behind the bounds, which are written only where a lower one is not 1. */
function startOfArray(text: string): number {
  const start = text.startsWith("[") ? text.indexOf("=") + 1 : 0;
  if (text[start] !== "{" || !text.endsWith("}")) throw new Error("An array's text does not have the form of an array");
  return start;
}

/** The JSON of the brace or delimiter that stands here; "" where an element begins. */
function punctuationAt(text: string, at: number, delimiter: string): string {
  const character = text[at];
  if (character === delimiter) return ",";
  if (character === "{") return "[";
  return character === "}" ? "]" : "";
}

function endOfElement(text: string, start: number, delimiter: string): number {
  const isQuoted = text[start] === '"';
  for (let at = start + 1; at < text.length; at++) {
    const character = text[at];
    if (!isQuoted) {
      if (character === delimiter || character === "}") return at;
    } else if (character === "\\") at++;
    else if (character === '"') return at + 1;
  }
  throw new Error("An element of an array's text does not end");
}

/** Only an unquoted NULL is NULL: the string is written with quotes. */
function encodeElement(element: string, encode: Encode): string {
  if (!element.startsWith('"')) return element === "NULL" ? "null" : encode(element);
  // array_out escapes as JSON does, \" and \\ alone, but leaves control characters as they are.
  if (CONTROL_CHARACTER.test(element)) return encode(element.slice(1, -1).replace(/\\(["\\])/g, "$1"));
  return encode === encodeString ? element : encode(JSON.parse(element) as string);
}
