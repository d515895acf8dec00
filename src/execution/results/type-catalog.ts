// Remembers what the catalog says of types whose OID does not say it, for each tenant apart. Tenants may have no right to read
// pg_type, so the look-up runs over a connection that the caller provides. One tenant's look-ups run one after the other, so that
// a tenant that makes new types between its requests takes one turn among the others.

import { LRUCache } from "lru-cache";
import { type CatalogQuery, lookUpTypes } from "./look-up-types.ts";
import { unavailable } from "../translate-database-error.ts";
import { FIRST_LOOKED_UP_TYPE_OID, type UserType } from "./result-set.ts";

const MAX_TYPES = 20_000;
const MAX_TYPES_PER_TENANT = 2_000;
/** A type that another instance renames is told by its new name after so long. */
const MAX_AGE_MS = 60_000;

const NO_TYPES: ReadonlyMap<number, UserType> = new Map();

interface KnownType {
  readonly type: UserType;
  readonly loadedAt: number;
}

/** The types of one tenant; those that were looked up last come first. */
type KnownTypes = ReadonlyMap<number, KnownType>;

export class TypeCatalog {
  readonly #known = new LRUCache<string, KnownTypes>({
    maxSize: MAX_TYPES,
    sizeCalculation: (types) => types.size + 1,
  });
  /** The last look-up of each tenant that has one under way. */
  readonly #lookUps = new Map<string, Promise<ReadonlyMap<number, UserType>>>();
  readonly #query: CatalogQuery;

  constructor(query: CatalogQuery) {
    this.#query = query;
  }

  /**
   * Every type among these, at once where all are known.
   *
   * @throws GatewayError UNAVAILABLE, by the promise, when the catalog cannot be asked.
   */
  get(
    typeOids: readonly number[],
    tenant: string,
    whose: "parameters" | "result",
  ): ReadonlyMap<number, UserType> | Promise<ReadonlyMap<number, UserType>> {
    const failed = (cause: unknown): never => {
      throw unavailable(`The types of the ${whose} cannot be looked up`, cause);
    };
    return this.find(typeOids, tenant) ?? this.load(typeOids, tenant).catch(failed);
  }

  /** Every type among these, elements and base types included, that is not built in; undefined when `load` must ask. */
  find(typeOids: readonly number[], tenant: string): ReadonlyMap<number, UserType> | undefined {
    if (typeOids.every((oid) => oid < FIRST_LOOKED_UP_TYPE_OID)) return NO_TYPES;
    const known = this.#known.get(tenant);
    if (known === undefined) return undefined;
    const found = new Map<number, UserType>();
    const oldest = performance.now() - MAX_AGE_MS;
    return typeOids.every((oid) => collect(oid, { known, oldest }, found)) ? found : undefined;
  }

  /** As `find`, after looking up what is not known; without those that the catalog does not show. */
  async load(typeOids: readonly number[], tenant: string): Promise<ReadonlyMap<number, UserType>> {
    const lookUp = this.#loadAfter(this.#lookUps.get(tenant), typeOids, tenant);
    this.#lookUps.set(tenant, lookUp);
    try {
      return await lookUp;
    } finally {
      if (this.#lookUps.get(tenant) === lookUp) this.#lookUps.delete(tenant);
    }
  }

  /** The tenant may have renamed types of its own. */
  forgetTenant(tenant: string): void {
    this.#known.delete(tenant);
  }

  async #loadAfter(
    previous: Promise<unknown> | undefined,
    typeOids: readonly number[],
    tenant: string,
  ): Promise<ReadonlyMap<number, UserType>> {
    await previous?.catch(() => undefined); // Its own caller is told of its failure.
    return this.find(typeOids, tenant) ?? this.#lookUp(typeOids, tenant);
  }

  async #lookUp(typeOids: readonly number[], tenant: string): Promise<ReadonlyMap<number, UserType>> {
    const loadedAt = performance.now();
    const known = this.#known.get(tenant) ?? new Map<number, KnownType>();
    this.#known.set(tenant, known);
    const found = new Map<number, UserType>();
    const oldest = loadedAt - MAX_AGE_MS;
    const wanted = new Set(typeOids.filter((oid) => !collect(oid, { known, oldest }, found)));
    const lookedUp = await lookUpTypes(this.#query, [...wanted]);
    // Where the tenant's types were forgotten meanwhile, the look-up may have read what is no longer true.
    if (this.#known.get(tenant) === known) this.#known.set(tenant, withTypes(known, lookedUp, loadedAt));
    return new Map([...found, ...lookedUp]);
  }
}

function withTypes(known: KnownTypes, added: ReadonlyMap<number, UserType>, loadedAt: number): KnownTypes {
  const types = [...added].map(([oid, type]): [number, KnownType] => [oid, { type, loadedAt }]);
  const others = [...known].filter(([oid]) => !added.has(oid));
  return new Map([...types, ...others].slice(0, MAX_TYPES_PER_TENANT));
}

interface Source {
  readonly known: KnownTypes;
  /** What was looked up before counts as unknown. */
  readonly oldest: number;
}

/** False when something on the way from the type to a scalar is not known. */
function collect(oid: number, source: Source, into: Map<number, UserType>): boolean {
  if (oid < FIRST_LOOKED_UP_TYPE_OID || into.has(oid)) return true;
  const known = source.known.get(oid);
  if (known === undefined || known.loadedAt < source.oldest) return false;
  const { type } = known;
  into.set(oid, type);
  if (type.kind === "scalar") return true;
  return collect(type.kind === "array" ? type.elementOid : type.baseOid, source, into);
}
