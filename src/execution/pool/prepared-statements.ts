// What one connection knows of the statements that ran on it: their names where PostgreSQL keeps them prepared, least recently
// used ones closed. In charge of names and bounds; the messages that prepare and close them are written by connection.ts.

import { LRUCache } from "lru-cache";
import type { UndeterminedParameters } from "../parameters/declared-types.ts";

/** A statement as this connection knows it. */
export interface PreparedStatement {
  /** Empty for a statement that is not worth keeping: PostgreSQL's unnamed one. */
  readonly name: string;
  readonly tenant: string;
  /** True as soon as PostgreSQL has confirmed the Parse. */
  isParsed: boolean;
  /** A function behind a view or a type has written, though the text does not tell. */
  hasWritten: boolean;
  /** Known once a request had to ask for them. */
  parameterTypes: readonly number[] | undefined;
  /** The parameters whose types must be declared. Remembered here where the schema decides which these are. */
  undetermined: UndeterminedParameters;
  /** Type guards that were prepared against the same schema; it is not used without them. */
  readonly guards: readonly PreparedStatement[];
  /** True of a type guard that PostgreSQL does not let this login run. */
  isRefused: boolean;
}

/** A backend keeps the parse tree of each: bounded in number and in the length of all their texts. */
const MAX_STATEMENTS = 1_000;
const MAX_TOTAL_CHARACTERS = 512 * 1024;
const MAX_TEXT_CHARACTERS = 8 * 1024;

const NO_GUARDS: readonly PreparedStatement[] = [];

/** PostgreSQL's unnamed statement: not kept beyond its request. */
export function unnamedStatement(tenant: string): PreparedStatement {
  return newStatement("", tenant, NO_GUARDS);
}

function newStatement(name: string, tenant: string, guards: readonly PreparedStatement[]): PreparedStatement {
  return {
    ...{ name, tenant, guards },
    ...{ isParsed: false, hasWritten: false, isRefused: false, parameterTypes: undefined, undetermined: [] },
  };
}

export class PreparedStatements {
  readonly #byKey: LRUCache<string, PreparedStatement>;
  /** So that a tenant that changes its schema all the time costs others nothing. */
  readonly #keysOf = new Map<string, Set<string>>();
  #evicted: string[] = [];
  #lastNumber = 0;
  /** False where PostgreSQL keeps none of them: each is parsed every time. */
  readonly areNamed: boolean;

  constructor(areNamed = true) {
    this.areNamed = areNamed;
    this.#byKey = new LRUCache({
      max: MAX_STATEMENTS,
      maxSize: MAX_TOTAL_CHARACTERS,
      sizeCalculation: (_, key) => key.length,
      dispose: ({ name, tenant }, key) => {
        if (name !== "") this.#evicted.push(name);
        const keys = this.#keysOf.get(tenant);
        if (keys?.delete(key) === true && keys.size === 0) this.#keysOf.delete(tenant);
      },
    });
  }

  /**
   * The statement under this key, or a new one that has yet to be parsed.
   *
   * @param guards its type guards: one that was prepared with others is not found.
   */
  findOrAdd(key: string, tenant: string, guards = NO_GUARDS): PreparedStatement {
    const known = this.#byKey.get(key);
    if (known !== undefined && areSame(known.guards, guards)) return known;
    if (known !== undefined) this.#byKey.delete(key);
    const isKept = key.length <= MAX_TEXT_CHARACTERS;
    if (!isKept) return unnamedStatement(tenant);
    const name = this.areNamed ? `postgate_${String(++this.#lastNumber)}` : "";
    const statement = newStatement(name, tenant, guards);
    const keys = this.#keysOf.get(tenant);
    if (keys === undefined) this.#keysOf.set(tenant, new Set([key]));
    else keys.add(key);
    this.#byKey.set(key, statement);
    return statement;
  }

  forget(key: string): void {
    this.#byKey.delete(key);
  }

  /** A tenant's schema has changed: types that were inferred before may be wrong now. */
  forgetTenant(tenant: string): void {
    for (const key of this.#keysOf.get(tenant) ?? []) this.#byKey.delete(key);
  }

  /** Names to close in PostgreSQL with the next write. */
  takeEvicted(): readonly string[] {
    if (this.#evicted.length === 0) return this.#evicted;
    const evicted = this.#evicted;
    this.#evicted = [];
    return evicted;
  }
}

function areSame(some: readonly PreparedStatement[], others: readonly PreparedStatement[]): boolean {
  return some.length === others.length && some.every((each, index) => each === others[index]);
}
