// Decodes a long JSON string with escapes into UTF-8 bytes, one part at a time. The caller has already checked the text.

import { escapedCharacter, escapeLength } from "../../base/json-escapes.ts";
import type { SlicedWork } from "../../base/slices.ts";

const BACKSLASH = 0x5c;

export class LongString implements SlicedWork {
  readonly #source: Uint8Array;
  readonly #end: number;
  #at: number;
  /** The target is as long as the source, because no escape is shorter than the character that it stands for. */
  readonly #target: Buffer;
  #length = 0;

  /**
   * @param start the offset after the opening quote
   * @param end the offset of the closing quote
   */
  constructor(source: Uint8Array, start: number, end: number) {
    this.#source = source;
    this.#at = start;
    this.#end = end;
    this.#target = Buffer.allocUnsafe(end - start);
  }

  advance(maxBytes: number): boolean {
    const source = this.#source;
    const stop = Math.min(this.#end, this.#at + maxBytes);
    while (this.#at < stop) {
      const byte = source[this.#at++] ?? 0;
      if (byte === BACKSLASH) this.#escape();
      else this.#target[this.#length++] = byte;
    }
    return this.#at >= this.#end;
  }

  /** The bytes that have been decoded so far. */
  get bytes(): Buffer {
    return this.#target.subarray(0, this.#length);
  }

  #escape(): void {
    const character = escapedCharacter(this.#source, this.#at);
    this.#at += escapeLength(this.#source, this.#at);
    if (character < 0x80) this.#target[this.#length++] = character;
    else this.#length += this.#target.write(String.fromCodePoint(character), this.#length);
  }
}
