// Finds out whether the tenants' login and roles have rights beyond a tenant's schema. If they do, PostgreSQL holds no wall between
// tenants, and the gateway must not serve.

import type { ClientBase } from "pg";
import type { InstallationRoles } from "../tenants/role-names.ts";

/** A right that makes every tenant's statement dangerous. */
export interface Danger {
  /** The end of a sentence that begins with the role's name. */
  readonly finding: string;
  readonly role: string;
  /** The statement that takes the right away. */
  readonly sql: string;
}

/** It runs with the search_path at pg_catalog. Each membership has options of its own since PostgreSQL 16. */
const DANGERS_SQL = `
with suspect as (
  select r.*, r.rolname = $1 as is_login from pg_roles as r
  where r.rolname = $1 or r.rolname ~ ('^postgate_t' || $2::text || '_[0-9a-f]{32}(_rw)?$')
),
membership as (
  select s.rolname as member, s.is_login, r.rolname as role, r.rolname ~ '^postgate_t[0-9]+_[0-9a-f]{32}(_rw)?$' as is_tenant,
         coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, s.rolinherit) as inherits
  from suspect as s join pg_auth_members as m on m.member = s.oid join pg_roles as r on r.oid = m.roleid
)
select role, finding, sql from (
  select 1 as rank, s.rolname as role, 'may ' || attribute.finding as finding,
         format('ALTER ROLE %I %s', s.rolname, attribute.without) as sql
  from suspect as s
  cross join lateral (values
    (s.rolsuper, 'do everything: it is a superuser', 'NOSUPERUSER'),
    (s.rolbypassrls, 'read past row security', 'NOBYPASSRLS'),
    (s.rolcreaterole, 'make roles and change others', 'NOCREATEROLE'),
    (s.rolcreatedb, 'make databases', 'NOCREATEDB'),
    (s.rolreplication, 'copy the whole server', 'NOREPLICATION')
  ) as attribute (has, finding, without)
  where attribute.has
  union all
  select 2, member, format('has the rights of role "%s"', role), format('REVOKE %I FROM %I', role, member)
  from membership where not is_login or not is_tenant
  union all
  select distinct on (member) 3, member, 'has the rights of all tenants without taking their roles',
         case when current_setting('server_version_num')::int < 160000 then format('ALTER ROLE %I NOINHERIT', member)
              else format('GRANT %I TO %I WITH INHERIT FALSE, SET TRUE', role, member) end
  from membership where is_login and is_tenant and inherits
  union all
  select distinct 4, s.rolname, 'owns objects in this database', format('REASSIGN OWNED BY %I TO CURRENT_USER', s.rolname)
  from suspect as s join pg_shdepend as d on d.refclassid = 'pg_authid'::regclass and d.refobjid = s.oid and d.deptype = 'o'
  where s.is_login and (
    d.dbid = (select oid from pg_database where datname = current_database())
    or (d.classid = 'pg_database'::regclass and d.objid = (select oid from pg_database where datname = current_database()))
  )
) as danger
order by rank, role, sql`;

export async function findDangers(client: ClientBase, roles: InstallationRoles): Promise<readonly Danger[]> {
  const { rows } = await client.query<Danger>(DANGERS_SQL, [roles.exec, String(roles.databaseOid)]);
  return rows;
}

/** Returns one line for the operator who starts the gateway, or undefined if there is no danger. */
export function describeDangers(dangers: readonly Danger[]): string | undefined {
  const [first] = dangers;
  if (first === undefined) return undefined;
  const others = dangers.length > 1 ? ` (and ${dangers.length - 1} more: "postgate doctor" lists them)` : "";
  return `tenants' statements would run with rights beyond their schemas: "${first.role}" ${first.finding}; run ${first.sql}${others}`;
}
