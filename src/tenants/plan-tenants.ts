// Finds out what tenants lack: the statements that make their roles, make them owners of the objects in their schemas, and grant
// what they need. It runs one query over the catalogs for all tenants, and changes nothing.
//
// The same path serves a new tenant, an adopted one, a restored dump and a clone. An object that is already as it should be needs no
// statement, so a start with nothing to do takes no lock.

import type { ClientBase } from "pg";
import { findRefusedSchemas } from "./find-refused-schemas.ts";
import type { InstallationRoles } from "./role-names.ts";
import type { DatabaseId, SchemaName } from "./tenant.ts";

/** A tenant of the schema backend. */
export interface SchemaTenant {
  readonly id: DatabaseId;
  readonly schema: SchemaName;
  /** True if the operator gave this schema to the tenant, whatever it holds. */
  readonly isOperatorsWord?: boolean;
}

export interface TenantPlan {
  readonly id: DatabaseId;
  /** The statements in the order in which they must run, in one transaction. */
  readonly statements: readonly string[];
  /** The reason why the row may not have its schema. There are no statements then. */
  readonly refusal?: string;
}

/** It runs with the search_path at pg_catalog, so that the names in the statements are qualified. */
const PLAN_SQL = `
with server as (
  select current_setting('server_version_num')::int >= 160000 as has_grant_options,
         (select rolsuper from pg_roles where rolname = current_user) as is_superuser,
         -- The coordinator of a Citus cluster connects to the servers that keep the rows as the role that runs the statement.
         case when exists (select from pg_extension where extname = 'citus') then 'login' else 'nologin' end as log_in
),
tenant as (
  select given.id, n.oid as schema_oid, n.nspname, n.nspowner, n.nspacl,
         names.role_name, r.oid as role_oid, names.role_name || '_rw' as rw_name, w.oid as rw_oid
  from unnest($1::text[], $2::text[]) as given (id, schema_name)
  cross join lateral (select 'postgate_t' || $3::text || '_' || replace(given.id, '-', '') as role_name) as names
  join pg_namespace as n on n.nspname = given.schema_name::name
  left join pg_roles as r on r.rolname = names.role_name
  left join pg_roles as w on w.rolname = names.role_name || '_rw'
),
role as (
  select id, role_name as name, role_oid as oid from tenant
  union all
  select id, rw_name, rw_oid from tenant
),
-- What is in a schema, by pg_depend: the catalogs of objects have no index on their schemas, and reading them whole for each
-- tenant would make every tenant's roles dearer than the last one's. What an extension made stays the extension's.
member as (
  select t.*, d.classid, d.objid as oid
  from tenant as t join pg_depend as d on d.refclassid = 'pg_namespace'::regclass and d.refobjid = t.schema_oid
  where not exists (
    select from pg_depend as e where e.classid = d.classid and e.objid = d.objid and e.deptype = 'e'
  )
),
relation as (
  select m.*, c.relkind, c.relowner, c.relacl
  from member as m join pg_class as c on m.classid = 'pg_class'::regclass and c.oid = m.oid
  where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
),
-- No tenant can make these, and an original's superuser may have.
other as (
  select 'operator' as kind, 'pg_operator'::regclass as catalog, oid, oprowner as owner from pg_operator
  union all select 'operator family', 'pg_opfamily', oid, opfowner from pg_opfamily
  union all select 'operator class', 'pg_opclass', oid, opcowner from pg_opclass
  union all select 'collation', 'pg_collation', oid, collowner from pg_collation
  union all select 'conversion', 'pg_conversion', oid, conowner from pg_conversion
  union all select 'text search configuration', 'pg_ts_config', oid, cfgowner from pg_ts_config
  union all select 'text search dictionary', 'pg_ts_dict', oid, dictowner from pg_ts_dict
  union all select 'statistics', 'pg_statistic_ext', oid, stxowner from pg_statistic_ext
),
statement as (
  select id, 1 as step, format('create role %I %s', name, log_in) as sql from role, server where oid is null
  union all
  select id, 1, format('alter role %I %s', name, log_in)
  from role join pg_roles as r on r.oid = role.oid, server
  where r.rolcanlogin <> (log_in = 'login')

  -- An operator who is no superuser must belong to a role to hand it anything.
  union all
  select id, 2, format('grant %I to current_user', name) || case when has_grant_options then ' with inherit true, set true' else '' end
  from role, server
  where not is_superuser and (
    oid is null or not pg_has_role(current_user, oid, 'USAGE')
    or not pg_has_role(current_user, oid, case when has_grant_options then 'SET' else 'MEMBER' end)
  )

  -- The login takes the role, and has none of its rights before it does.
  union all
  select id, 3, format('grant %I to %I', name, $5::text) || case when has_grant_options then ' with inherit false, set true' else '' end
  from role, server
  where not exists (
    select from pg_auth_members as m join pg_roles as l on l.oid = m.member where l.rolname = $5::text and m.roleid = role.oid
  )

  -- The tenant does not own its schema: it can neither drop it nor let others in.
  union all
  select id, 4, format('alter schema %I owner to %I', nspname, $4::text)
  from tenant where nspowner is distinct from (select oid from pg_roles where rolname = $4::text)
  union all
  select id, 5, format('revoke all on schema %I from public', nspname)
  from tenant where exists (select from aclexplode(nspacl) as a where a.grantee = 0)
  union all
  select id, 5, format('grant usage, create on schema %I to %I', nspname, role_name)
  from tenant where 2 > (select count(*) from aclexplode(nspacl) as a where a.grantee = role_oid)
  union all
  select id, 5, format('grant usage on schema %I to %I', nspname, rw_name)
  from tenant where not exists (select from aclexplode(nspacl) as a where a.grantee = rw_oid)

  -- Everything inside becomes the tenant's. Indexes, row types and owned sequences follow their table, array types their element's.
  union all
  select id, 6, format('alter table %s owner to %I', oid::regclass, role_name)
  from relation
  where relowner is distinct from role_oid and not exists (
    select from pg_depend as d
    where relation.relkind = 'S' and d.classid = 'pg_class'::regclass and d.objid = relation.oid
      and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
  )
  union all
  select id, 7, format('alter %s %s owner to %I', case y.typtype when 'd' then 'domain' else 'type' end, y.oid::regtype, role_name)
  from member as m join pg_type as y on m.classid = 'pg_type'::regclass and y.oid = m.oid
  where y.typowner is distinct from role_oid
    -- A multirange type follows its range type since PostgreSQL 17.
    and y.typtype = any (case when current_setting('server_version_num')::int < 170000 then '{b,c,d,e,r,m}' else '{b,c,d,e,r}' end::"char"[])
  -- A function too, else one with SECURITY DEFINER would lend the tenant the rights of whoever made it.
  union all
  select id, 8, format('alter routine %s owner to %I', p.oid::regprocedure, role_name)
  from member as m join pg_proc as p on m.classid = 'pg_proc'::regclass and p.oid = m.oid
  where p.proowner is distinct from role_oid
  union all
  select id, 8, format('alter %s %s owner to %I', o.kind, named.identity, role_name)
  from member as m
  join other as o on o.catalog = m.classid and o.oid = m.oid and o.owner is distinct from role_oid
  cross join lateral pg_identify_object(o.catalog, o.oid, 0) as named

  union all
  select id, 9, format('grant select, insert, update, delete on table %s to %I', oid::regclass, rw_name)
  from relation
  where relkind <> 'S' and 4 > (
    select count(*) from aclexplode(relacl) as a
    where a.grantee = rw_oid and a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
  )
  union all
  select id, 9, format('grant select, usage, update on sequence %s to %I', oid::regclass, rw_name)
  from relation
  where relkind = 'S' and 3 > (select count(*) from aclexplode(relacl) as a where a.grantee = rw_oid)

  -- The same for what the tenant will make.
  union all
  select id, 10, format('alter default privileges for role %I in schema %I grant %s to %I', role_name, nspname, granted.sql, rw_name)
  from tenant
  cross join (values ('r', 'select, insert, update, delete on tables'), ('S', 'select, usage, update on sequences'))
    as granted (objtype, sql)
  where not exists (
    select from pg_default_acl as d, aclexplode(d.defaclacl) as a
    where d.defaclrole = role_oid and d.defaclnamespace = schema_oid and d.defaclobjtype = granted.objtype::"char"
      and a.grantee = rw_oid
  )
)
select id, array_agg(sql order by step, sql) as statements from statement group by id order by id`;

/** Returns a plan for each tenant that lacks something. A tenant whose schema does not exist has no plan. */
export async function planTenants(
  client: ClientBase,
  roles: InstallationRoles,
  tenants: readonly SchemaTenant[],
): Promise<readonly TenantPlan[]> {
  if (tenants.length === 0) return [];
  const { rows } = await client.query<TenantPlan>(PLAN_SQL, [
    tenants.map(({ id }) => id),
    tenants.map(({ schema }) => schema),
    String(roles.databaseOid),
    roles.owner,
    roles.exec,
  ]);
  const planned = new Set(rows.map(({ id }) => id));
  const unproven = tenants.filter(({ id, isOperatorsWord }) => isOperatorsWord !== true && planned.has(id));
  const refusals = await findRefusedSchemas(client, unproven);
  return rows.map((plan) => {
    const refusal = refusals.get(plan.id);
    return refusal === undefined ? plan : { id: plan.id, statements: [], refusal };
  });
}
