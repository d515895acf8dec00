// Finds the rights that PUBLIC has in this database and no tenant needs. It runs one query over the catalogs and changes nothing. A
// tenant's role has PUBLIC's rights too, so each of them is a way out for a statement that the judge approved by mistake.

import type { ClientBase } from "pg";
import { ALLOWED_FUNCTION_NAMES } from "../policy/tables/function-names.ts";

/** One right in the form of GRANT and REVOKE: `<privileges> on <kind> <object>`. */
export interface PublicRight {
  readonly kind: "database" | "schema" | "table" | "routine" | "language";
  /** The object's name: quoted, and qualified unless it is in pg_catalog. */
  readonly object: string;
  /** For example `SELECT` or `SELECT (datname), UPDATE`. */
  readonly privileges: string;
}

export interface LockdownPlan {
  /** The rights that this login can take away. */
  readonly revocable: readonly PublicRight[];
  /** The rights that only the owner of the object can take away, which is usually a superuser. */
  readonly beyond: readonly PublicRight[];
}

/** Schemas that tenants use. All their contents are made for everybody. */
const OPEN_SCHEMAS = ["pg_catalog", "postgate_helpers", "postgate_extensions"];

/**
 * The functions behind `&&` and `<->` of two polygons, and `<->` and `?#` of two paths. They compare each side of one shape with
 * each side of the other, and no cancel interrupts them. The judge cannot refuse them, because it sees an operator without its types.
 */
const UNINTERRUPTIBLE_PAIRS = "array['poly_overlap', 'poly_distance', 'path_distance', 'path_inter']";

/**
 * PostgreSQL's own functions that run without being named: behind operators, casts, aggregates, types, indexes, keys and partitions.
 * `42::text` requires EXECUTE on int4out, and a long IN list requires it on hashint4. The functions behind the casts to regclass and
 * xml are not kept, because they turn a text into a look-up and into a document. The enum functions are listed by name, because the
 * catalogs of a new database hold no enum type that refers to them.
 */
const KEPT_BY_USE = `
  select kept.oid from (select unnest(array[oprcode, oprrest, oprjoin]::oid[]) as oid from pg_operator) as kept
        join pg_proc as p on p.oid = kept.oid where p.proname <> all (${UNINTERRUPTIBLE_PAIRS})
  union select c.castfunc from pg_cast as c join pg_proc as p on p.oid = c.castfunc where p.proname not in ('regclass', 'xml')
  union select unnest(array[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn,
                            aggmtransfn, aggminvtransfn, aggmfinalfn]::oid[]) from pg_aggregate
  union select unnest(array[typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze, typsubscript]::oid[])
        from pg_type
  union select amproc from pg_amproc
  union select unnest(array[rngcanonical, rngsubdiff]::oid[]) from pg_range
  union select prosupport from pg_proc
  union select oid from pg_proc
        where proname ~ '^(RI_FKey_|enum_(in|out|recv|send)$)'
        or proname in ('unique_key_recheck', 'like_escape', 'similar_to_escape', 'satisfies_hash_partition')`;

/** It runs with the search_path at pg_catalog, so that the names are qualified. */
const PLAN_SQL = `
with kept as materialized (${KEPT_BY_USE}
),
held as (
  select 'database' as kind, format('%I', d.datname) as object, a.privilege_type as privilege, d.datdba as owner
  from pg_database as d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
  where d.datname = current_database() and a.grantee = 0
  union all
  select 'schema', format('%I', n.nspname), a.privilege_type, n.nspowner
  from pg_namespace as n, aclexplode(n.nspacl) as a
  where a.grantee = 0 and n.nspname <> all ($2::text[]) and n.nspname !~ '^pg_(toast_)?temp_'
  union all
  select 'language', format('%I', l.lanname), a.privilege_type, l.lanowner
  from pg_language as l, aclexplode(coalesce(l.lanacl, acldefault('l', l.lanowner))) as a
  where l.lanpltrusted and a.grantee = 0
  union all
  select 'table', c.oid::regclass::text, a.privilege_type, c.relowner
  from pg_class as c, aclexplode(c.relacl) as a
  where c.relnamespace = 'pg_catalog'::regnamespace and a.grantee = 0
  union all
  select 'table', c.oid::regclass::text, format('%s (%I)', a.privilege_type, t.attname), c.relowner
  from pg_class as c join pg_attribute as t on t.attrelid = c.oid, aclexplode(t.attacl) as a
  where c.relnamespace = 'pg_catalog'::regnamespace and a.grantee = 0
  union all
  select 'routine', p.oid::regprocedure::text, a.privilege_type, p.proowner
  from pg_proc as p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
  where p.pronamespace = 'pg_catalog'::regnamespace and a.grantee = 0
    -- age(xid) counts everybody's transactions.
    and (p.proname not in (select unnest($1::text[])) or p.oid = 'age(xid)'::regprocedure)
    and not exists (select from kept where kept.oid = p.oid)
)
select kind, object, string_agg(privilege, ', ' order by privilege) as privileges,
       pg_has_role(current_user, owner, 'USAGE') as is_revocable
from held group by kind, object, owner order by kind, object`;

export async function planLockdown(client: ClientBase): Promise<LockdownPlan> {
  const { rows } = await client.query<PublicRight & { is_revocable: boolean }>(PLAN_SQL, [
    ALLOWED_FUNCTION_NAMES,
    OPEN_SCHEMAS,
  ]);
  const toRights = (isRevocable: boolean): PublicRight[] =>
    rows
      .filter(({ is_revocable }) => is_revocable === isRevocable)
      .map(({ kind, object, privileges }) => ({ kind, object, privileges }));
  return { revocable: toRights(true), beyond: toRights(false) };
}
