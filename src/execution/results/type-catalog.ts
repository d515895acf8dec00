// What the catalog says of types whose OID does not say it, looked up once and kept. Tenants may have no right to read pg_type,
// so the look-up runs over a way of its own, which the caller gives.

import { LRUCache } from "lru-cache";
import { FIRST_LOOKED_UP_TYPE_OID, type UserType } from "./result-set.ts";

/** Runs one query in the database whose types are asked for, with the right to read its catalog. */
export type CatalogQuery = (sql: string, values: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

const MAX_TYPES = 10_000;
/** What another instance renames is told by its new name after so long. */
const MAX_AGE_MS = 60_000;

const LOOK_UP_SQL = `
with recursive wanted as (
  select type.oid, type.typname, type.typtype, type.typinput, type.typelem, type.typbasetype, type.typdelim
  from pg_catalog.pg_type as type
  where type.oid = any ($1::pg_catalog.oid[])
  union
  select type.oid, type.typname, type.typtype, type.typinput, type.typelem, type.typbasetype, type.typdelim
  from wanted
  join pg_catalog.pg_type as type on type.oid in (wanted.typelem, wanted.typbasetype)
  where type.oid >= ${FIRST_LOOKED_UP_TYPE_OID}
)
select wanted.oid::text as oid,
  wanted.typname::text as name,
  case
    when wanted.typtype = 'd' then 'domain'
    when wanted.typinput = 'pg_catalog.array_in(cstring,oid,integer)'::pg_catalog.regprocedure then 'array'
    else 'scalar'
  end as kind,
  wanted.typelem::text as element_oid,
  wanted.typbasetype::text as base_oid,
  coalesce(element.typdelim, wanted.typdelim) as delimiter
from wanted
left join pg_catalog.pg_type as element on element.oid = wanted.typelem`;

const NO_TYPES: ReadonlyMap<number, UserType> = new Map();

interface KnownType {
  readonly type: UserType;
  readonly loadedAt: number;
  /** Who asked for it first: nobody else renames it. */
  readonly tenant: string;
}

export class TypeCatalog {
  readonly #known = new LRUCache<number, KnownType>({ max: MAX_TYPES });
  readonly #query: CatalogQuery;

  constructor(query: CatalogQuery) {
    this.#query = query;
  }

  /** Every type among these, elements and base types included, that is not built in; undefined when `load` must ask. */
  find(typeOids: readonly number[]): ReadonlyMap<number, UserType> | undefined {
    if (typeOids.every((oid) => oid < FIRST_LOOKED_UP_TYPE_OID)) return NO_TYPES;
    const found = new Map<number, UserType>();
    const oldest = performance.now() - MAX_AGE_MS;
    return typeOids.every((oid) => this.#collect(oid, found, oldest)) ? found : undefined;
  }

  /** As `find`, after looking up what is not known; without those that the catalog does not show. */
  async load(typeOids: readonly number[], tenant: string): Promise<ReadonlyMap<number, UserType>> {
    const loadedAt = performance.now();
    const seen = new Map<number, UserType>(); // What an incomplete type has below it comes with the first that asks.
    const wanted = typeOids.filter((oid) => !this.#collect(oid, seen, loadedAt - MAX_AGE_MS));
    const rows = await this.#query(LOOK_UP_SQL, [wanted]);
    for (const row of rows) this.#known.set(Number(row["oid"]), { type: toUserType(row), loadedAt, tenant });
    const found = new Map<number, UserType>();
    for (const oid of typeOids) this.#collect(oid, found, 0);
    return found;
  }

  /** The tenant may have renamed types of its own. */
  forgetTenant(tenant: string): void {
    for (const [oid, known] of this.#known.entries()) if (known.tenant === tenant) this.#known.delete(oid);
  }

  /** False when something on the way is not known, or was looked up before `oldest`. */
  #collect(oid: number, into: Map<number, UserType>, oldest: number): boolean {
    if (oid < FIRST_LOOKED_UP_TYPE_OID || into.has(oid)) return true;
    const known = this.#known.get(oid);
    if (known === undefined || known.loadedAt < oldest) return false;
    const { type } = known;
    into.set(oid, type);
    if (type.kind === "scalar") return true;
    return this.#collect(type.kind === "array" ? type.elementOid : type.baseOid, into, oldest);
  }
}

function toUserType(row: Record<string, unknown>): UserType {
  switch (row["kind"]) {
    case "array":
      return { kind: "array", elementOid: Number(row["element_oid"]), delimiter: String(row["delimiter"]) };
    case "domain":
      return { kind: "domain", baseOid: Number(row["base_oid"]), name: String(row["name"]) };
    default:
      return { kind: "scalar", name: String(row["name"]) };
  }
}
