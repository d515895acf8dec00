// Bounds what a body may cost to parse before it is parsed: nesting, containers, keys. One pass over the bytes, without
// judging whether they are JSON at all; that is the parser's question.

import { GatewayError } from "../../base/errors.ts";

/** A smaller body costs JSON.parse a few milliseconds, whatever it holds. */
const SMALL_BODY_BYTES = 65_536;
const MAX_DEPTH = 1_000;
/** 100,000 records with a nested list and object each are 300,000. */
const MAX_CONTAINERS = 500_000;
/** JSON.parse keeps the distinct keys of one object in a table that grows slowly. */
const MAX_KEYS_OF_AN_OBJECT = 100_000;

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** @throws GatewayError INVALID_REQUEST for a body that would hold up everybody while it is parsed. */
export function requireModestJson(bytes: Uint8Array): void {
  if (bytes.length <= SMALL_BODY_BYTES) return;
  const structure = new Structure();
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at] ?? 0) {
      case QUOTE:
        at = endOfString(bytes, at);
        break;
      case COLON:
        structure.addKey();
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        structure.open();
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        structure.close();
        break;
      default:
    }
  }
}

class Structure {
  /** Of the object that is open at each depth. */
  readonly #keys = new Int32Array(MAX_DEPTH + 1);
  #depth = 0;
  #containers = 0;

  open(): void {
    this.#containers += 1;
    this.#depth += 1;
    if (this.#containers > MAX_CONTAINERS) throw excessive(`more than ${MAX_CONTAINERS} arrays and objects`);
    if (this.#depth > MAX_DEPTH) throw excessive(`arrays and objects nested deeper than ${MAX_DEPTH} levels`);
    this.#keys[this.#depth] = 0;
  }

  close(): void {
    if (this.#depth > 0) this.#depth -= 1;
  }

  addKey(): void {
    const count = (this.#keys[this.#depth] ?? 0) + 1;
    if (count > MAX_KEYS_OF_AN_OBJECT) throw excessive(`an object with more than ${MAX_KEYS_OF_AN_OBJECT} keys`);
    this.#keys[this.#depth] = count;
  }
}

/** The place of the closing quote, or the end of a text that has none. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(QUOTE, start + 1); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let before = at;
    while (bytes[before - 1] === BACKSLASH) before -= 1;
    if ((at - before) % 2 === 0) return at;
  }
  return bytes.length;
}

function excessive(what: string): GatewayError {
  return new GatewayError("INVALID_REQUEST", `The body has ${what}; send it in several requests`);
}
