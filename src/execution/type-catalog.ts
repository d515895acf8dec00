// What the catalog says of types whose OID does not say it, looked up once and kept. Tenants may have no right to read pg_type,
// so the look-up runs over a way of its own, which the caller gives.

import { LRUCache } from "lru-cache";
import { FIRST_LOOKED_UP_TYPE_OID, type UserType } from "./result-set.ts";

/** Runs one query in the database whose types are asked for, with the right to read its catalog. */
export type CatalogQuery = (sql: string, values: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

const MAX_TYPES = 10_000;

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

export class TypeCatalog {
  readonly #known = new LRUCache<number, UserType>({ max: MAX_TYPES });
  readonly #query: CatalogQuery;

  constructor(query: CatalogQuery) {
    this.#query = query;
  }

  /** True when `find` can answer for all of these. */
  knows(typeOids: readonly number[]): boolean {
    return typeOids.every((oid) => this.#collect(oid, new Map()));
  }

  /** Every type among these, elements and base types included, that is not built in. */
  find(typeOids: readonly number[]): ReadonlyMap<number, UserType> {
    if (typeOids.every((oid) => oid < FIRST_LOOKED_UP_TYPE_OID)) return NO_TYPES;
    const found = new Map<number, UserType>();
    for (const oid of typeOids) this.#collect(oid, found);
    return found;
  }

  /** Looks up what is not known yet. A type that has gone meanwhile counts as a scalar. */
  async load(typeOids: readonly number[]): Promise<void> {
    const wanted = typeOids.filter((oid) => !this.#collect(oid, new Map()));
    const rows = await this.#query(LOOK_UP_SQL, [wanted]);
    for (const oid of wanted) this.#known.set(oid, { kind: "scalar" });
    for (const row of rows) this.#known.set(Number(row["oid"]), toUserType(row));
  }

  /** False when something on the way is not known. */
  #collect(oid: number, into: Map<number, UserType>): boolean {
    if (oid < FIRST_LOOKED_UP_TYPE_OID || into.has(oid)) return true;
    const type = this.#known.get(oid);
    if (type === undefined) return false;
    into.set(oid, type);
    if (type.kind === "scalar") return true;
    return this.#collect(type.kind === "array" ? type.elementOid : type.baseOid, into);
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
