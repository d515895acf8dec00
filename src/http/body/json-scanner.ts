// Checks that bytes are JSON (RFC 8259) and reports the places of its values, without making a JavaScript value of any of them.
// It knows only the grammar. It stops after as many bytes as the caller allows and continues from there at the next call. It does not
// recurse, and one level of nesting takes one bit. So no shape of a text can hold up the process or fill its memory.
//
// A container is an array or an object. It is skipped if the listener's `open` returns false: its contents are checked and not reported.

import { isSurrogate } from "../../base/json-escapes.ts";
import { invalid } from "./invalid.ts";
import type { JsonKind, JsonListener } from "./json-listener.ts";
import {
  ENDS_NUMBER,
  ENDS_RUN,
  FALSE,
  IS_BLANK,
  IS_SIMPLE_ESCAPE,
  NEXT_PART,
  NULL,
  Part,
  START_OF_NUMBER,
  TRUE,
} from "./json-tables.ts";
import { OpenLevels } from "./open-levels.ts";

/** Flags that tell which kinds of escapes a string has. They are combined with a bitwise or. */
export const ESCAPES = { any: 1, nul: 2, halfPair: 4 } as const;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;
const LETTER_T = 0x74;
const LETTER_U = 0x75;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The kinds of token that may come next in the text. */
const Expected = { value: 0, firstElement: 1, firstKey: 2, key: 3, colon: 4, next: 5, nothing: 6 } as const;
type Expected = (typeof Expected)[keyof typeof Expected];

/** The kinds of token that a slice may end in the middle of. */
const Token = { none: 0, string: 1, number: 2 } as const;

export class JsonScanner {
  readonly #bytes: Uint8Array;
  readonly #listener: JsonListener;
  #at: number;
  #expected: Expected = Expected.value;
  #token: number = Token.none;
  #tokenStart = 0;
  #part = 0;
  readonly #levels = new OpenLevels();
  /** The depth of the container that is being skipped; 0 if there is none. */
  #silentDepth = 0;
  #silentStart = 0;
  #escapes = 0;
  /** The depth of the outermost open object in the skipped container, which may be that container itself; 0 if there is none. */
  #objectDepth = 0;
  #arrayDepth = 0;

  constructor(bytes: Uint8Array, start: number, listener: JsonListener) {
    this.#bytes = bytes;
    this.#at = start;
    this.#listener = listener;
  }

  /** The flags of all escapes since the last report of a key or value to the listener. */
  get escapes(): number {
    return this.#escapes;
  }

  /** The nesting depth of arrays in the skipped array. It counts that array itself, but no arrays inside objects. */
  get arrayDepth(): number {
    return this.#arrayDepth;
  }

  /** True while only blanks have been scanned. */
  get isBlank(): boolean {
    return this.#expected === Expected.value && this.#levels.depth === 0 && this.#token === Token.none;
  }

  /**
   * Scans about `maxBytes` more bytes.
   *
   * @returns true when the text is complete; a blank text is complete, too
   * @throws GatewayError INVALID_REQUEST when the text is not JSON. Errors of the listener pass through.
   */
  scan(maxBytes: number): boolean {
    const stop = Math.min(this.#bytes.length, this.#at + maxBytes);
    while (this.#at < stop) {
      if (this.#token === Token.string) this.#string(stop);
      else if (this.#token === Token.number) this.#number(stop);
      else this.#next(this.#bytes[this.#at] ?? 0);
    }
    return this.#at === this.#bytes.length && this.#finish();
  }

  #finish(): true {
    if (this.isBlank) return true;
    if (this.#token === Token.number) this.#endNumber();
    if (this.#expected !== Expected.nothing || this.#token === Token.string)
      throw invalid("The body is not valid JSON: it ends too early");
    return true;
  }

  #next(byte: number): void {
    if (IS_BLANK[byte] === 1) {
      this.#at += 1;
      return;
    }
    switch (this.#expected) {
      case Expected.next:
        this.#afterValue(byte);
        return;
      case Expected.colon:
        if (byte !== COLON) throw this.#unexpected();
        this.#take(Expected.value);
        return;
      case Expected.value:
      case Expected.firstElement:
        this.#value(byte);
        return;
      case Expected.key:
      case Expected.firstKey:
        this.#key(byte);
        return;
      case Expected.nothing:
        throw this.#unexpected();
    }
  }

  #take(expected: Expected): void {
    this.#at += 1;
    this.#expected = expected;
  }

  #afterValue(byte: number): void {
    const isInObject = this.#levels.isObject;
    if (byte === COMMA) this.#take(isInObject ? Expected.key : Expected.value);
    else if (byte === (isInObject ? CLOSE_OBJECT : CLOSE_ARRAY)) this.#close();
    else throw this.#unexpected();
  }

  #key(byte: number): void {
    if (byte === QUOTE) this.#begin(Token.string);
    else if (byte === CLOSE_OBJECT && this.#expected === Expected.firstKey) this.#close();
    else throw this.#unexpected();
  }

  #value(byte: number): void {
    switch (byte) {
      case QUOTE:
        this.#begin(Token.string);
        return;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        this.#open(byte === OPEN_OBJECT);
        return;
      case LETTER_T:
      case LETTER_F:
      case LETTER_N:
        this.#word(byte);
        return;
      default:
        this.#closeOrNumber(byte);
    }
  }

  #closeOrNumber(byte: number): void {
    if (byte === CLOSE_ARRAY && this.#expected === Expected.firstElement) {
      this.#close();
      return;
    }
    this.#part = NEXT_PART[START_OF_NUMBER + byte] ?? ENDS_NUMBER;
    if (this.#part === ENDS_NUMBER) throw this.#unexpected();
    this.#begin(Token.number);
  }

  #begin(token: number): void {
    this.#token = token;
    this.#tokenStart = this.#at;
    this.#at += 1;
  }

  #string(stop: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    while (at < stop) {
      const byte = bytes[at++] ?? 0;
      if (ENDS_RUN[byte] === 0) continue;
      if (byte === BACKSLASH) at = this.#escape(at);
      else {
        this.#at = at;
        if (byte !== QUOTE) throw this.#unexpected(at - 1);
        this.#endString();
        return;
      }
    }
    this.#at = at;
  }

  #endString(): void {
    this.#token = Token.none;
    if (this.#expected === Expected.value || this.#expected === Expected.firstElement) {
      this.#scalar("string");
      return;
    }
    this.#expected = Expected.colon;
    if (this.#silentDepth > 0) return;
    this.#listener.key(this.#tokenStart, this.#at);
    this.#escapes = 0;
  }

  /** Notes the escape whose backslash is before `at`. Returns the offset after the escape, which may be beyond the slice's end. */
  #escape(at: number): number {
    this.#escapes |= ESCAPES.any;
    const byte = this.#bytes[at] ?? 0;
    if (byte !== LETTER_U) {
      if (IS_SIMPLE_ESCAPE[byte] === 0) throw this.#unexpected(at);
      return at + 1;
    }
    const unit = this.#unit(at + 1);
    if (unit === 0) this.#escapes |= ESCAPES.nul;
    else if (isSurrogate(unit)) return this.#surrogate(unit, at + 5);
    return at + 5;
  }

  #surrogate(unit: number, at: number): number {
    const isHigh = unit < 0xdc00;
    if (isHigh && this.#bytes[at] === BACKSLASH && this.#bytes[at + 1] === LETTER_U) {
      const second = this.#unit(at + 2);
      if (second >= 0xdc00 && second <= 0xdfff) return at + 6;
    }
    this.#escapes |= ESCAPES.halfPair;
    return at;
  }

  /** Returns the UTF-16 unit that four hexadecimal digits stand for. */
  #unit(at: number): number {
    let unit = 0;
    for (let place = at; place < at + 4; place += 1) {
      const digit = hexDigit(this.#bytes[place] ?? 0);
      if (digit < 0) throw this.#unexpected(place);
      unit = unit * 16 + digit;
    }
    return unit;
  }

  #number(stop: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let part = this.#part;
    while (at < stop) {
      const next = NEXT_PART[part * 256 + (bytes[at] ?? 0)] ?? ENDS_NUMBER;
      if (next === ENDS_NUMBER) break;
      part = next;
      at += 1;
    }
    this.#at = at;
    this.#part = part;
    if (at < stop) this.#endNumber();
  }

  #endNumber(): void {
    if (this.#part < Part.integer) throw this.#unexpected();
    this.#token = Token.none;
    this.#scalar(this.#part < Part.fraction ? "integer" : "number");
  }

  #word(first: number): void {
    const word = first === LETTER_T ? TRUE : first === LETTER_F ? FALSE : NULL;
    this.#tokenStart = this.#at;
    for (let index = 0; index < word.length; index += 1)
      if (this.#bytes[this.#at + index] !== word[index]) throw this.#unexpected(this.#at + index);
    this.#at += word.length;
    this.#scalar(first === LETTER_N ? "null" : "boolean");
  }

  #scalar(kind: JsonKind): void {
    this.#ended();
    if (this.#silentDepth > 0) return;
    this.#listener.value(kind, this.#tokenStart, this.#at);
    this.#escapes = 0;
  }

  #open(isObject: boolean): void {
    const start = this.#at;
    this.#levels.push(isObject);
    this.#take(isObject ? Expected.firstKey : Expected.firstElement);
    if (this.#silentDepth > 0) {
      this.#noteNesting(isObject);
      return;
    }
    if (this.#listener.open(isObject ? "object" : "array", start)) return;
    this.#silentDepth = this.#levels.depth;
    this.#silentStart = start;
    this.#arrayDepth = 0;
    this.#noteNesting(isObject);
  }

  #noteNesting(isObject: boolean): void {
    if (this.#objectDepth > 0) return;
    if (isObject) this.#objectDepth = this.#levels.depth;
    else this.#arrayDepth = Math.max(this.#arrayDepth, this.#levels.depth - this.#silentDepth + 1);
  }

  #close(): void {
    const kind = this.#levels.isObject ? "object" : "array";
    const depth = this.#levels.depth;
    this.#at += 1;
    if (depth === this.#objectDepth) this.#objectDepth = 0;
    this.#levels.pop();
    this.#ended();
    if (this.#silentDepth === 0) this.#listener.close(this.#at);
    else if (this.#silentDepth === depth) {
      this.#silentDepth = 0;
      this.#listener.value(kind, this.#silentStart, this.#at);
      this.#escapes = 0;
    }
  }

  #ended(): void {
    this.#expected = this.#levels.depth === 0 ? Expected.nothing : Expected.next;
  }

  /** The message names the place and not the character: the text is the caller's and may hold a secret, which must not be logged. */
  #unexpected(at = this.#at) {
    return at < this.#bytes.length
      ? invalid(`The body is not valid JSON: unexpected character at byte ${at + 1}`)
      : invalid("The body is not valid JSON: it ends too early");
  }
}

/** Returns the value of a hexadecimal digit, or -1 for any other byte. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
