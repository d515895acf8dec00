/** Reads the body of a message of PostgreSQL from start to end. Reading beyond its end throws. */
export class MessageBody {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  int16(): number {
    return this.#bytes.readInt16BE((this.#at += 2) - 2);
  }

  uint16(): number {
    return this.#bytes.readUInt16BE((this.#at += 2) - 2);
  }

  int32(): number {
    return this.#bytes.readInt32BE((this.#at += 4) - 4);
  }

  uint32(): number {
    return this.#bytes.readUInt32BE((this.#at += 4) - 4);
  }

  /** Reads a text and returns its last `maxBytes` bytes. */
  endOfCstring(maxBytes: number): string {
    const start = this.#at;
    const end = this.#bytes.indexOf(0, start);
    if (end < 0) throw new Error("The server sent a text that does not end");
    this.#at = end + 1;
    return this.#bytes.toString("utf8", Math.max(start, end - maxBytes), end);
  }

  /** @param maxBytes maximum length; the rest of a longer text is left out */
  cstring(maxBytes = Number.POSITIVE_INFINITY): string {
    const start = this.#at;
    const end = this.#bytes.indexOf(0, start);
    if (end < 0) throw new Error("The server sent a text that does not end");
    this.#at = end + 1;
    if (end - start <= maxBytes) return this.#bytes.toString("utf8", start, end);
    return `${this.#bytes.toString("utf8", start, start + maxBytes)}…`;
  }
}
