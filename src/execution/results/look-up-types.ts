// Asks the catalog what types are made of. A tenant can base thousands of domains on each other, so the look-up follows a type
// through a bounded number of levels. A type that is made of more levels is a scalar to the gateway: its value is text.

import { FIRST_LOOKED_UP_TYPE_OID, type UserType } from "./result-set.ts";

/** Runs one query in the database whose types are asked for, with the right to read its catalog. */
export type CatalogQuery = (sql: string, values: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

/** How many steps, from an array to its elements or from a domain to its base type, a type may be away from a scalar. */
export const MAX_LEVELS = 32;

/** `offset 0` makes PostgreSQL find each type by the index, and not read the whole of pg_type. */
const LOOK_UP_SQL = `
with recursive described as not materialized (
  select type.oid, type.typname, type.typdelim,
    case
      when type.typtype = 'd' then 'domain'
      when type.typinput = 'pg_catalog.array_in(cstring,oid,integer)'::pg_catalog.regprocedure then 'array'
      else 'scalar'
    end as kind,
    case
      when type.typtype = 'd' then type.typbasetype
      when type.typinput = 'pg_catalog.array_in(cstring,oid,integer)'::pg_catalog.regprocedure then type.typelem
    end as inner_oid
  from pg_catalog.pg_type as type
),
wanted as (
  select 0 as level, described.* from described where described.oid = any ($1::pg_catalog.oid[])
  union
  select wanted.level + 1, below.*
  from wanted
  cross join lateral (select described.* from described where described.oid = wanted.inner_oid offset 0) as below
  where wanted.inner_oid >= ${FIRST_LOOKED_UP_TYPE_OID} and wanted.level < ${MAX_LEVELS}
)
select distinct wanted.oid::text as oid,
  wanted.typname::text as name,
  wanted.kind,
  wanted.inner_oid::text as inner_oid,
  coalesce(element.typdelim, wanted.typdelim) as delimiter
from wanted
left join pg_catalog.pg_type as element on element.oid = wanted.inner_oid`;

/** Returns these types and all that they are made of, without those that the catalog does not show. */
export async function lookUpTypes(
  query: CatalogQuery,
  typeOids: readonly number[],
): Promise<ReadonlyMap<number, UserType>> {
  const rows = await query(LOOK_UP_SQL, [typeOids]);
  const shown = new Map(rows.map((row) => [Number(row["oid"]), row]));
  const types = new Map<number, UserType>();
  for (const oid of typeOids) addType(oid, shown, types);
  return types;
}

/** A type beyond the bound is added alone: how deep the types below it are was not looked up. */
function addType(typeOid: number, shown: ReadonlyMap<number, Row>, into: Map<number, UserType>): void {
  const levels = new Map<number, UserType>();
  let oid = typeOid;
  for (let level = 0; level <= MAX_LEVELS; level += 1) {
    const row = shown.get(oid);
    if (row === undefined) break; // A built-in type, or one that the catalog does not show.
    const type = toUserType(row);
    levels.set(oid, type);
    if (type.kind === "scalar") break;
    oid = type.kind === "array" ? type.elementOid : type.baseOid;
    if (level === MAX_LEVELS) {
      into.set(typeOid, { kind: "scalar", isTooDeep: true, name: String(shown.get(typeOid)?.["name"]) });
      return;
    }
  }
  for (const [each, type] of levels) into.set(each, type);
}

type Row = Record<string, unknown>;

function toUserType(row: Row): UserType {
  switch (row["kind"]) {
    case "array":
      return { kind: "array", elementOid: Number(row["inner_oid"]), delimiter: String(row["delimiter"]) };
    case "domain":
      return { kind: "domain", baseOid: Number(row["inner_oid"]), name: String(row["name"]) };
    default:
      return { kind: "scalar", name: String(row["name"]) };
  }
}
