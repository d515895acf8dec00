// Finds the schemas that a row may not give to a tenant. The holder of an admin token may have written the row, and is not trusted with
// the operator's other schemas in the same database. It changes nothing.

import type { ClientBase } from "pg";

/**
 * It runs with the search_path at pg_catalog. A schema that one of Postgate's roles owns is accepted: an admin function or an earlier
 * adoption made that role its owner, or the operator did (ALTER SCHEMA … OWNER TO). Any other schema is accepted only if its name is
 * that of a tenant's schema (tenant_… or db_…) and the roles that set Postgate up own everything in it. Objects of extensions do not
 * count, because they keep their owner.
 */
const REFUSED_SQL = `
with trusted as (
  select r.oid from pg_roles as r
  where r.rolsuper or r.rolname = current_user or r.rolname ~ $3
    or r.oid in (
      select c.relowner from pg_class as c
      where c.relnamespace = 'public'::regnamespace and c.relname in ('postgate_databases', 'postgate_tokens')
      union all
      select p.proowner from pg_proc as p
      where p.pronamespace = 'public'::regnamespace and p.proname in ('create_tenant_database', 'delete_tenant_database')
    )
),
foreigner as (
  select given.id, n.nspname, n.nspname ~ '^(tenant|db)_' as is_named,
         case when n.nspowner not in (select oid from trusted) then n.nspowner else (
           select s.refobjid
           from pg_depend as d
           join pg_shdepend as s on s.classid = d.classid and s.objid = d.objid and s.objsubid = 0 and s.deptype = 'o'
             and s.dbid = (select oid from pg_database where datname = current_database())
           where d.refclassid = 'pg_namespace'::regclass and d.refobjid = n.oid
             and s.refobjid not in (select oid from trusted)
             and not exists (
               select from pg_depend as e where e.classid = d.classid and e.objid = d.objid and e.deptype = 'e'
             )
           limit 1
         ) end as owner
  from unnest($1::text[], $2::text[]) as given (id, schema_name)
  join pg_namespace as n on n.nspname = given.schema_name::name
  where pg_get_userbyid(n.nspowner) !~ $3
)
select id, nspname as schema, pg_get_userbyid(owner) as owner, is_named from foreigner where not is_named or owner is not null`;

/** Matches Postgate's own roles: those of this database, and those of a database that it was copied from. */
const OUR_ROLES = "^postgate_((owner|admin)_[0-9]+|t[0-9]+_[0-9a-f]{32}(_rw)?)$";

interface NamedSchema {
  /** The id of the row that names the schema. */
  readonly id: string;
  readonly schema: string;
}

interface RefusedRow {
  readonly id: string;
  readonly schema: string;
  readonly owner: string | null;
  readonly is_named: boolean;
}

/** Returns the reason of each refusal by the tenant's id. A tenant that may have its schema is not among them. */
export async function findRefusedSchemas(
  client: ClientBase,
  tenants: readonly NamedSchema[],
): Promise<ReadonlyMap<string, string>> {
  if (tenants.length === 0) return new Map();
  const { rows } = await client.query<RefusedRow>(REFUSED_SQL, [
    tenants.map(({ id }) => id),
    tenants.map(({ schema }) => schema),
    OUR_ROLES,
  ]);
  return new Map(rows.map((row) => [row.id, describe(row)]));
}

function describe({ id, schema, owner, is_named: isNamed }: RefusedRow): string {
  const why = isNamed ? `holds what belongs to "${owner ?? ""}"` : "is not named tenant_… or db_…";
  return `a row names the schema "${schema}", which ${why}: if it is to be this tenant's, run "postgate adopt ${id}"`;
}
