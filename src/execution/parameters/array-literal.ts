// A JSON array's bytes → the literal of a PostgreSQL array. Arrays may have millions of elements, so this is one pass over the
// bytes that makes nothing for each of them, and that can be done a part at a time. Only for texts that were checked to be JSON:
// nothing is checked twice.

import { escapedCharacter, escapeLength } from "../../base/json-escapes.ts";
import type { SlicedWork } from "../../base/slices.ts";
import { wholeNumber } from "./whole-number.ts";

export interface LiteralForm {
  readonly kind: "array";
  /** One character. */
  readonly delimiter: string;
  /** What the elements are, where that changes how they are written: documents stay JSON, however nested; see `wholeNumber`. */
  readonly elements: "plain" | "json" | "integer";
}

const BLANK = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LETTER_N = 0x6e;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** How a byte outside strings changes the depth. */
const NESTING: ReadonlyMap<number, number> = new Map([
  [OPEN_BRACE, 1],
  [OPEN_BRACKET, 1],
  [CLOSE_BRACE, -1],
  [CLOSE_BRACKET, -1],
]);
const NULL_BYTES = Buffer.from("NULL");
/** A longer number has more digits than any integer. */
const MAX_NUMBER_BYTES = 64;

/** The bytes that one byte of JSON can become: `""` as a document is `"\"\""`. */
const MOST_BYTES_A_BYTE = 3;
/** The same where `1e18` is written out. */
const MOST_BYTES_A_BYTE_OF_INTEGERS = 5;

/** What the next byte belongs to. */
type Part = "marks" | "string" | "document";

export class ArrayLiteral implements SlicedWork {
  readonly #json: Uint8Array;
  readonly #delimiter: number;
  readonly #elements: LiteralForm["elements"];
  /** Memory that is never written to is never taken, so that it can be as large as the literal may get. */
  readonly #target: Buffer;
  #length = 0;
  #at = 1;
  #part: Part = "marks";
  /** Where the part is a document: how deep it is nested here, and whether this is in a string of it. */
  #depth = 0;
  #isInString = false;

  constructor(json: Uint8Array, { delimiter, elements }: LiteralForm) {
    this.#json = json;
    this.#delimiter = delimiter.charCodeAt(0);
    this.#elements = elements;
    const growth = elements === "integer" ? MOST_BYTES_A_BYTE_OF_INTEGERS : MOST_BYTES_A_BYTE;
    this.#target = Buffer.allocUnsafe(growth * json.length);
    this.#put(OPEN_BRACE);
  }

  advance(maxBytes: number): boolean {
    const stop = Math.min(this.#json.length, this.#at + maxBytes);
    while (this.#at < stop) {
      if (this.#part === "marks") this.#mark();
      else if (this.#part === "string") this.#string(stop);
      else this.#document(stop);
    }
    return this.#at >= this.#json.length;
  }

  /** The literal, once it is complete. */
  get bytes(): Buffer {
    return this.#target.subarray(0, this.#length);
  }

  #mark(): void {
    const byte = this.#json[this.#at] ?? 0;
    if (byte === OPEN_BRACE || (this.#elements === "json" && (byte === QUOTE || byte === OPEN_BRACKET))) {
      this.#put(QUOTE);
      this.#part = "document";
    } else if (this.#elements === "integer" && (byte === MINUS || (byte >= ZERO && byte <= NINE))) this.#number();
    else {
      this.#at += 1;
      this.#simpleMark(byte);
    }
  }

  /** Numbers and booleans are written as they are. */
  #simpleMark(byte: number): void {
    if (byte === COMMA) this.#put(this.#delimiter);
    else if (byte === OPEN_BRACKET) this.#put(OPEN_BRACE);
    else if (byte === CLOSE_BRACKET) this.#put(CLOSE_BRACE);
    else if (byte === LETTER_N) {
      this.#length += NULL_BYTES.copy(this.#target, this.#length);
      this.#at += NULL_BYTES.length - 1;
    } else if (byte > BLANK) {
      this.#put(byte);
      if (byte === QUOTE) this.#part = "string";
    }
  }

  #number(): void {
    const start = this.#at;
    const startOfTarget = this.#length;
    const isInteger = this.#copyNumber();
    if (isInteger || this.#at - start > MAX_NUMBER_BYTES) return;
    const point = startOfZeros(this.#json, this.#at);
    if (point > start && this.#json[start] !== MINUS) {
      this.#length -= this.#at - point; // As most whole numbers are written: 5.0.
      return;
    }
    const whole = wholeNumber(String.fromCharCode(...this.#json.subarray(start, this.#at)));
    if (whole !== undefined) this.#length = startOfTarget + this.#target.write(whole, startOfTarget, "latin1");
  }

  /** Returns true for a number without fraction and exponent. */
  #copyNumber(): boolean {
    let isInteger = true;
    let byte = this.#json[this.#at] ?? 0;
    while (byte > BLANK && byte !== COMMA && byte !== CLOSE_BRACKET) {
      if (byte > NINE || byte === POINT) isInteger = false;
      this.#put(byte);
      byte = this.#json[++this.#at] ?? 0;
    }
    return isInteger;
  }

  #string(stop: number): void {
    const json = this.#json;
    while (this.#at < stop) {
      const byte = json[this.#at++] ?? 0;
      if (byte === BACKSLASH) this.#escape();
      else {
        this.#put(byte);
        if (byte !== QUOTE) continue;
        this.#part = "marks";
        return;
      }
    }
  }

  #escape(): void {
    const character = escapedCharacter(this.#json, this.#at);
    this.#at += escapeLength(this.#json, this.#at);
    if (character < 0x80) this.#putEscaped(character);
    else this.#length += this.#target.write(String.fromCodePoint(character), this.#length);
  }

  /** The value's own text, quoted: an object, and where elements are documents also a string or an array. */
  #document(stop: number): void {
    while (this.#at < stop) {
      const byte = this.#json[this.#at++] ?? 0;
      this.#putEscaped(byte);
      if (this.#isInString) this.#inString(byte);
      else if (byte === QUOTE) this.#isInString = true;
      else this.#depth += NESTING.get(byte) ?? 0;
      if (this.#isInString || this.#depth > 0) continue;
      this.#put(QUOTE);
      this.#part = "marks";
      return;
    }
  }

  /** In a string of a document: a backslash and what it escapes go together. */
  #inString(byte: number): void {
    if (byte === BACKSLASH) this.#putEscaped(this.#json[this.#at++] ?? 0);
    else if (byte === QUOTE) this.#isInString = false;
  }

  #putEscaped(byte: number): void {
    if (byte === QUOTE || byte === BACKSLASH) this.#put(BACKSLASH);
    this.#put(byte);
  }

  #put(byte: number): void {
    this.#target[this.#length++] = byte;
  }
}

/** The place of the point where nothing but zeros stands between it and the number's end; otherwise 0. */
function startOfZeros(json: Uint8Array, end: number): number {
  let at = end - 1;
  while (json[at] === ZERO) at -= 1;
  return json[at] === POINT ? at : 0;
}
