// What the gateway keeps of a body: the known members of an object, a list of parameters, a list of statements.

import { MAX_PARAMETERS, type Parameter } from "../../base/parameters.ts";
import type { JsonKind } from "./json-listener.ts";

/** What a batch costs beside its texts is then bounded: its messages, its results, the judge's look-ups. */
export const MAX_STATEMENTS = 1_000;

/** A member that is no list of interest. */
export interface BodyValue {
  readonly kind: JsonKind;
  /** The characters of a string; the text of a number or a word. Undefined for containers, and for a text too long for any use. */
  readonly text: string | undefined;
  /** The flags of the escapes in it (see ESCAPES). */
  readonly escapes: number;
}

export class ParameterList {
  readonly kind = "array";
  readonly text = undefined;
  readonly escapes = 0;
  readonly parameters: Parameter[] = [];
  /** The first parameter with a character that PostgreSQL cannot hold. */
  fault: { readonly index: number; readonly escapes: number } | undefined;
  /** How deep arrays are nested in it, the list itself included. */
  depth = 1;
  #count = 0;

  /** How many there are. More than PostgreSQL takes are counted and not kept. */
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
  /** The statements' members, or the kind of what should have been an object. */
  readonly elements: (BodyRecord | JsonKind)[] = [];
  #count = 0;

  /** How many there are. More than a batch takes are counted and not kept. */
  get count(): number {
    return this.#count;
  }

  add(element: BodyRecord | JsonKind): void {
    this.#count += 1;
    if (this.#count <= MAX_STATEMENTS) this.elements.push(element);
  }
}

export type Member = BodyValue | ParameterList | RecordList;

/** The known members of an object. Where a key occurs twice, the last one counts. */
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

/** The keys of a protocol's bodies, found without making a text of each key that comes. */
export class KnownKeys {
  readonly #names: readonly string[];
  readonly #bytes: readonly Uint8Array[];
  /** Each character of a key may be written as an escape of six. */
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

  /** The known key whose characters stand at the place. */
  find(source: Uint8Array, { start, end }: Place): string | undefined {
    for (let index = 0; index < this.#bytes.length; index += 1) {
      const bytes = this.#bytes[index];
      if (bytes?.length === end - start && isAt(source, start, bytes)) return this.#names[index];
    }
    return undefined;
  }

  /** The same for a key that is written with escapes. */
  findEscaped(source: Buffer, { start, end }: Place): string | undefined {
    if (end - start > this.#maxEscapedLength) return undefined;
    const key = JSON.parse(`"${source.toString("utf8", start, end)}"`) as string;
    return this.#names.find((name) => name === key);
  }

  /** For a key that is not known: the known one that it differs from by capitals, `_` or `-` alone. */
  findNearMiss(source: Buffer, { start, end }: Place): string | undefined {
    if (end - start > this.#maxNearMissLength) return undefined;
    return this.#byFolded.get(folded(source.toString("latin1", start, end)));
  }
}

/** The letters of a key in lower case: what `readOnly`, `read-only` and `READ_ONLY` have in common with `read_only`. */
function folded(key: string): string {
  return key.replace(/[_-]/g, "").toLowerCase();
}

function isAt(source: Uint8Array, start: number, bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index += 1) if (source[start + index] !== bytes[index]) return false;
  return true;
}
