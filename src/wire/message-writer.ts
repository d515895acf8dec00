// PostgreSQL's frontend messages (protocol 3, extended query), gathered into one buffer, or into a few where they are large. The
// driver writes each message by itself; a request that goes out as one write costs a good part less.

const TERMINATOR = 1;
const INT16 = 2;
const INT32 = 4;
/** Of UTF-8 for one unit of UTF-16. */
const MAX_BYTES_A_UNIT = 3;
const SHORT_TEXT_UNITS = 256;
const PORTAL = 0x50; // 'P'
const STATEMENT = 0x53; // 'S'

const CODE = { parse: 0x50, bind: 0x42, describe: 0x44, execute: 0x45, close: 0x43, flush: 0x48, sync: 0x53 } as const;

const FIRST_BUFFER_BYTES = 1024;
/** A buffer is not grown beyond this size, which would copy it: another one follows. */
const LARGE_BUFFER_BYTES = 262_144;
/** Bytes that are not copied: they are a piece of their own. */
const LONG_VALUE_BYTES = 16_384;

/** Writes messages one after the other; `take()` hands the buffers over. Portals are always the unnamed one. */
export class MessageWriter {
  /** Buffers that are full, in their order, and what they hold together. */
  readonly #full: Buffer[] = [];
  #fullLength = 0;
  #buffer = Buffer.allocUnsafe(FIRST_BUFFER_BYTES);
  #length = 0;
  /** The buffer and the place in it where the length of the open message stands. */
  #head = this.#buffer;
  #headAt = 0;

  parse(name: string, sql: string, parameterTypes: readonly number[]): this {
    const start = this.#open(CODE.parse);
    this.#cstring(name);
    this.#cstring(sql);
    this.#int16(parameterTypes.length);
    for (const oid of parameterTypes) this.#int32(oid);
    return this.#seal(start);
  }

  /** Values as text, results as text. */
  bind(statement: string, values: readonly (string | Buffer | null)[]): this {
    const start = this.#open(CODE.bind);
    this.#cstring("");
    this.#cstring(statement);
    this.#int16(0);
    this.#int16(values.length);
    for (const value of values) this.#value(value);
    this.#int16(0);
    return this.#seal(start);
  }

  describePortal(): this {
    return this.#named(CODE.describe, PORTAL, "");
  }

  describeStatement(name: string): this {
    return this.#named(CODE.describe, STATEMENT, name);
  }

  closeStatement(name: string): this {
    return this.#named(CODE.close, STATEMENT, name);
  }

  /** @param maxRows 0 for all. */
  execute(maxRows: number): this {
    const start = this.#open(CODE.execute);
    this.#cstring("");
    this.#int32(maxRows);
    return this.#seal(start);
  }

  sync(): this {
    return this.#seal(this.#open(CODE.sync));
  }

  flush(): this {
    return this.#seal(this.#open(CODE.flush));
  }

  /** Appends messages that another writer has written. */
  append(messages: readonly Buffer[]): this {
    for (const part of messages) {
      this.#reserve(part.length);
      this.#length += part.copy(this.#buffer, this.#length);
    }
    return this;
  }

  /** What was written, to be sent in this order. */
  take(): readonly Buffer[] {
    return [...this.#full, this.#buffer.subarray(0, this.#length)];
  }

  #named(code: number, target: number, name: string): this {
    const start = this.#open(code);
    this.#reserve(1);
    this.#buffer[this.#length++] = target;
    this.#cstring(name);
    return this.#seal(start);
  }

  /** Begins a message and gives the place where it starts; its length is filled in by #seal. */
  #open(code: number): number {
    this.#reserve(1 + INT32);
    this.#buffer[this.#length++] = code;
    this.#head = this.#buffer;
    this.#headAt = this.#length;
    this.#length += INT32;
    return this.#fullLength + this.#headAt;
  }

  #seal(start: number): this {
    this.#head.writeInt32BE(this.#fullLength + this.#length - start, this.#headAt);
    return this;
  }

  #value(value: string | Buffer | null): void {
    if (value === null) this.#int32(-1);
    else if (typeof value === "string") this.#text(value);
    else this.#bytes(value);
  }

  #text(value: string): void {
    const needed = INT32 + sizeFor(value);
    this.#reserve(needed);
    const start = this.#length;
    const bytes = this.#buffer.write(value, start + INT32);
    this.#buffer.writeInt32BE(bytes, start);
    this.#length = start + INT32 + bytes;
  }

  #bytes(value: Buffer): void {
    this.#int32(value.length);
    if (value.length > LONG_VALUE_BYTES) {
      this.#endBuffer(FIRST_BUFFER_BYTES);
      this.#full.push(value);
      this.#fullLength += value.length;
      return;
    }
    this.#reserve(value.length);
    this.#length += value.copy(this.#buffer, this.#length);
  }

  #cstring(text: string): void {
    this.#reserve(sizeFor(text) + TERMINATOR);
    this.#length += this.#buffer.write(text, this.#length);
    this.#buffer[this.#length++] = 0;
  }

  #int16(value: number): void {
    this.#reserve(INT16);
    this.#length = this.#buffer.writeUInt16BE(value, this.#length);
  }

  #int32(value: number): void {
    this.#reserve(INT32);
    this.#length = this.#buffer.writeInt32BE(value | 0, this.#length);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    if (needed > LARGE_BUFFER_BYTES) {
      this.#endBuffer(Math.max(bytes, LARGE_BUFFER_BYTES));
      return;
    }
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    if (this.#head === this.#buffer) this.#head = larger;
    this.#buffer = larger;
  }

  /** What follows goes into a new buffer. */
  #endBuffer(bytes: number): void {
    this.#full.push(this.#buffer.subarray(0, this.#length));
    this.#fullLength += this.#length;
    this.#buffer = Buffer.allocUnsafe(bytes);
    this.#length = 0;
  }
}

/** At least what the text takes in UTF-8. A short one is not measured for it. */
function sizeFor(text: string): number {
  return text.length < SHORT_TEXT_UNITS ? text.length * MAX_BYTES_A_UNIT : Buffer.byteLength(text);
}
