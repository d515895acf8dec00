// Reads RowDescription messages. A statement that runs again is described in the same bytes, so the fields are remembered by these
// bytes. The same bytes give the same array, which callers can use as the key of what they derive from it.

import { MessageBody } from "./message-body.ts";
import type { Field } from "./field.ts";

/** Bounds of the memory, which takes about ten times the bytes remembered. Tenants choose how many descriptions there are and how long. */
const MAX_TOTAL_BYTES = 1_048_576;
const MAX_BYTES = 2_048;

export class RowDescriptions {
  readonly #known = new Map<string, readonly Field[]>();
  #bytes = 0;

  /** @throws Error for bytes that are not a description. */
  read(body: Buffer): readonly Field[] {
    if (body.length > MAX_BYTES) return readFields(body);
    const key = body.toString("latin1");
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const fields = readFields(body);
    if (this.#bytes + body.length > MAX_TOTAL_BYTES) this.#forgetAll();
    this.#known.set(key, fields);
    this.#bytes += body.length;
    return fields;
  }

  #forgetAll(): void {
    this.#known.clear();
    this.#bytes = 0;
  }
}

function readFields(bytes: Buffer): readonly Field[] {
  const body = new MessageBody(bytes);
  return Array.from({ length: body.uint16() }, () => {
    const name = body.cstring();
    const [tableOid, columnNumber, typeOid] = [body.uint32(), body.int16(), body.uint32()];
    const [typeSize, typeModifier] = [body.int16(), body.int32()];
    body.int16(); // The format is always text, as Bind asked.
    return { name, typeOid, typeSize, typeModifier, tableOid, columnNumber };
  });
}
