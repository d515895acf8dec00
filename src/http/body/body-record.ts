// The parts of a body that the gateway keeps: the known members of an object, a list of parameters, a list of statements.

import { MAX_PARAMETERS, type Parameter } from "../../base/parameters.ts";
import type { JsonKind } from "./json-listener.ts";

/** Maximum number of statements in a batch. It bounds the cost beside the texts: messages, results and the judge's look-ups. */
export const MAX_STATEMENTS = 1_000;

/** A member other than a list of parameters or statements. */
export interface BodyValue {
  readonly kind: JsonKind;
  /** The characters of a string, or the JSON text of a number or word. Undefined for containers and for a text that is too long. */
  readonly text: string | undefined;
  /** The flags of the escapes in the value (see ESCAPES). */
  readonly escapes: number;
}

export class ParameterList {
  readonly kind = "array";
  readonly text = undefined;
  readonly escapes = 0;
  readonly parameters: Parameter[] = [];
  /** The first parameter with a character that PostgreSQL cannot hold. */
  fault: { readonly index: number; readonly escapes: number } | undefined;
  /** The nesting depth of arrays, which counts the list itself. */
  depth = 1;
  #count = 0;

  /** The number of parameters in the body. Those beyond PostgreSQL's maximum are counted but not kept. */
  get count(): number {
    return this.#count;
  }

  add(parameter: Parameter): void {
    this.#count += 1;
    if (this.#count <= MAX_PARAMETERS) this.parameters.push(parameter);
  }
}

export class RecordList {
  readonly kind = "array";
  readonly text = undefined;
  readonly escapes = 0;
  /** The members of each statement, or the kind of a value that should have been an object. */
  readonly elements: (BodyRecord | JsonKind)[] = [];
  #count = 0;

  /** The number of elements in the body. Those beyond MAX_STATEMENTS are counted but not kept. */
  get count(): number {
    return this.#count;
  }

  add(element: BodyRecord | JsonKind): void {
    this.#count += 1;
    if (this.#count <= MAX_STATEMENTS) this.elements.push(element);
  }
}

export type Member = BodyValue | ParameterList | RecordList;

/** The known members of an object. If a key occurs twice, the last one counts. */
export class BodyRecord {
  readonly #members = new Map<string, Member>();

  set(key: string, member: Member): void {
    this.#members.set(key, member);
  }

  get(key: string): Member | undefined {
    return this.#members.get(key);
  }
}

interface Place {
  readonly start: number;
  readonly end: number;
}

/** The known keys of a protocol's bodies. It finds them by their bytes, without making a text of each key in a body. */
export class KnownKeys {
  readonly #names: readonly string[];
  readonly #bytes: readonly Uint8Array[];
  /** Each character of a key may be written as an escape of six bytes. */
  readonly #maxEscapedLength: number;
  readonly #byFolded: ReadonlyMap<string, string>;
  readonly #maxNearMissLength: number;

  constructor(names: readonly string[]) {
    const maxLength = Math.max(...names.map(({ length }) => length));
    this.#names = names;
    this.#bytes = names.map((name) => Buffer.from(name));
    this.#maxEscapedLength = 6 * maxLength;
    this.#byFolded = new Map(names.map((name) => [folded(name), name]));
    this.#maxNearMissLength = 2 * maxLength;
  }

  /** Returns the known key whose bytes are at the place, or undefined. */
  find(source: Uint8Array, { start, end }: Place): string | undefined {
    for (let index = 0; index < this.#bytes.length; index += 1) {
      const bytes = this.#bytes[index];
      if (bytes?.length === end - start && isAt(source, start, bytes)) return this.#names[index];
    }
    return undefined;
  }

  /** Returns the known key that is written with escapes at the place, or undefined. */
  findEscaped(source: Buffer, { start, end }: Place): string | undefined {
    if (end - start > this.#maxEscapedLength) return undefined;
    const key = JSON.parse(`"${source.toString("utf8", start, end)}"`) as string;
    return this.#names.find((name) => name === key);
  }

  /** Returns the known key that an unknown one differs from only by capitals, `_` or `-`, or undefined. */
  findNearMiss(source: Buffer, { start, end }: Place): string | undefined {
    if (end - start > this.#maxNearMissLength) return undefined;
    return this.#byFolded.get(folded(source.toString("latin1", start, end)));
  }
}

/** Returns a key in lower case and without `_` and `-`, the same for `readOnly`, `read-only`, `READ_ONLY` and `read_only`. */
function folded(key: string): string {
  return key.replace(/[_-]/g, "").toLowerCase();
}

function isAt(source: Uint8Array, start: number, bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index += 1) if (source[start + index] !== bytes[index]) return false;
  return true;
}
