// Builds the JSON text of an answer as bytes. It copies what PostgreSQL sent and never turns it into JavaScript strings. This file is
// in charge of escaping and of the size limit; the encoders decide how each value is written.

import { isUtf8 } from "node:buffer";
import { resultTooLarge } from "../base/errors.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FIRST_PRINTABLE = 0x20;
const FIRST_CAPACITY = 1_024;
/** Maximum unused capacity of a finished text, which may stay in memory for a long time when its reader is slow. */
const MAX_WASTE_BYTES = 1_048_576;
/** A run up to this length is copied by a loop, which is faster than Buffer.copy for so few bytes. */
const SHORT_RUN_BYTES = 48;
/** After this many bytes without an escape, the rest is probably plain too, and is examined four bytes at a time. */
const PLAIN_RUN_BYTES = 16;
const WORD_BYTES = 4;
/** A 1 in each byte of a word. */
const ONES = 0x01010101;
const HIGH_BITS = 0x80808080;

/** The escape of each character code up to the backslash, as JSON.stringify writes it. */
const ESCAPES: readonly Buffer[] = Array.from({ length: BACKSLASH + 1 }, (_, code) =>
  Buffer.from(JSON.stringify(String.fromCharCode(code)).slice(1, -1)),
);

export class JsonWriter {
  readonly #maxBytes: number;
  #buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
  #length = 0;
  /** A view of the last input buffer. It is kept because the rows of a result lie in a few large buffers. */
  #view: DataView = new DataView(new ArrayBuffer(0));

  /** @param maxBytes the maximum size of the whole text */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Reserves room for about this many bytes at once, because each later growth copies the text. */
  expect(bytes: number): void {
    this.#reserve(Math.min(bytes, this.#maxBytes));
  }

  /** Appends JSON that is pure ASCII: braces, keywords, counts. */
  text(json: string): void {
    this.#reserve(json.length);
    const buffer = this.#buffer;
    let length = this.#length;
    for (let at = 0; at < json.length; at++) buffer[length++] = json.charCodeAt(at);
    this.#length = length;
  }

  /** Appends bytes that are JSON already. */
  copy(bytes: Buffer, start = 0, end = bytes.length): void {
    this.#reserve(end - start);
    if (end - start > SHORT_RUN_BYTES) {
      this.#length += bytes.copy(this.#buffer, this.#length, start, end);
      return;
    }
    const buffer = this.#buffer;
    let length = this.#length;
    for (let at = start; at < end; at++) buffer[length++] = bytes[at] ?? 0;
    this.#length = length;
  }

  byte(code: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = code;
  }

  /** Appends UTF-8 text as a JSON string. */
  string(bytes: Buffer, start: number, end: number): void {
    this.byte(QUOTE);
    let from = start;
    for (let at = start; at < end; at++) {
      if (at - from === PLAIN_RUN_BYTES) at = this.#skipPlainWords(bytes, at, end);
      const code = bytes[at] ?? 0;
      if (code >= FIRST_PRINTABLE && code !== QUOTE && code !== BACKSLASH) continue;
      this.copy(bytes, from, at);
      this.copy(ESCAPES[code] ?? bytes);
      from = at + 1;
    }
    this.copy(bytes, from, end);
    this.byte(QUOTE);
  }

  /**
   * Returns an index at or before the first byte that must be escaped, and before the end. The tests on whole words are from "Determine
   * if a word has a byte less than n" in Sean Anderson's Bit Twiddling Hacks.
   */
  #skipPlainWords(bytes: Buffer, start: number, end: number): number {
    if (this.#view.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer);
    const view = this.#view;
    const offset = bytes.byteOffset;
    let at = start;
    for (; at + WORD_BYTES < end; at += WORD_BYTES) {
      const word = view.getInt32(offset + at);
      const quotes = word ^ (ONES * QUOTE);
      const backslashes = word ^ (ONES * BACKSLASH);
      const below = (word - ONES * FIRST_PRINTABLE) & ~word;
      if (((below | ((quotes - ONES) & ~quotes) | ((backslashes - ONES) & ~backslashes)) & HIGH_BITS) !== 0) break;
    }
    return at;
  }

  /** @throws GatewayError RESULT_TOO_LARGE when the text so far exceeds the limit. */
  requireRoom(): void {
    if (this.#length > this.#maxBytes) throw resultTooLarge(this.#maxBytes);
  }

  /**
   * Returns the whole text. It is always valid UTF-8, although a database in SQL_ASCII can hold any bytes.
   *
   * @throws GatewayError RESULT_TOO_LARGE when the text exceeds the limit.
   */
  take(): Buffer {
    const written = this.#buffer.subarray(0, this.#length);
    const text = isUtf8(written) ? written : Buffer.from(written.toString());
    if (text.length > this.#maxBytes) throw resultTooLarge(this.#maxBytes);
    return text.buffer.byteLength - text.length > MAX_WASTE_BYTES ? Buffer.from(text) : text;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    this.requireRoom();
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
