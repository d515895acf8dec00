// PostgreSQL's frontend messages (protocol 3, extended query), gathered into one buffer. The driver writes each message by
// itself; a request that goes out as one write costs a good part less.

const TERMINATOR = 1;
const INT16 = 2;
const INT32 = 4;
/** Of UTF-8 for one unit of UTF-16. */
const MAX_BYTES_A_UNIT = 3;
const SHORT_TEXT_UNITS = 256;
const PORTAL = 0x50; // 'P'
const STATEMENT = 0x53; // 'S'

const CODE = { parse: 0x50, bind: 0x42, describe: 0x44, execute: 0x45, close: 0x43, flush: 0x48, sync: 0x53 } as const;

/** Writes messages one after the other; `take()` hands the buffer over. Portals are always the unnamed one. */
export class MessageWriter {
  #buffer = Buffer.allocUnsafe(1024);
  #length = 0;

  parse(name: string, sql: string, parameterTypes: readonly number[]): this {
    const start = this.#open(CODE.parse);
    this.#cstring(name);
    this.#cstring(sql);
    this.#int16(parameterTypes.length);
    for (const oid of parameterTypes) this.#int32(oid);
    return this.#seal(start);
  }

  /** Values as text, results as text. */
  bind(statement: string, values: readonly (string | null)[]): this {
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

  take(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #named(code: number, target: number, name: string): this {
    const start = this.#open(code);
    this.#reserve(1);
    this.#buffer[this.#length++] = target;
    this.#cstring(name);
    return this.#seal(start);
  }

  /** Begins a message; its length is filled in by #seal. */
  #open(code: number): number {
    this.#reserve(1 + INT32);
    this.#buffer[this.#length++] = code;
    const start = this.#length;
    this.#length += INT32;
    return start;
  }

  #seal(start: number): this {
    this.#buffer.writeInt32BE(this.#length - start, start);
    return this;
  }

  #value(value: string | null): void {
    if (value === null) {
      this.#int32(-1);
      return;
    }
    const start = this.#length;
    this.#reserve(INT32 + sizeFor(value));
    const bytes = this.#buffer.write(value, start + INT32);
    this.#buffer.writeInt32BE(bytes, start);
    this.#length = start + INT32 + bytes;
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
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** At least what the text takes in UTF-8. A short one is not measured for it. */
function sizeFor(text: string): number {
  return text.length < SHORT_TEXT_UNITS ? text.length * MAX_BYTES_A_UNIT : Buffer.byteLength(text);
}
