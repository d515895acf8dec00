// Revokes the rights that another installation's roles have in this database. A clone made by CREATE DATABASE … TEMPLATE
// starts with the grants of its template. These grants would let the template's tenants into the clone, and would keep the
// template's roles from being dropped.

import type { ClientBase } from "pg";
import { withLockedTransaction, withTransaction } from "../postgres/locked-transaction.ts";
import type { InstallationRoles } from "../tenants/role-names.ts";

/** pg_shdepend lists, for each role, the objects of this database that mention it, so the query stays cheap. */
const PLAN_SQL = `
with mention as (
  select d.classid, d.objid, d.objsubid, d.deptype, r.rolname
  from pg_shdepend as d
  join pg_roles as r on r.oid = d.refobjid and d.refclassid = 'pg_authid'::regclass
  where d.dbid = (select oid from pg_database where datname = current_database())
    and r.rolname ~ '^postgate_((owner|admin|auth|exec|public)_[0-9]+|t[0-9]+_[0-9a-f]{32}(_rw)?)$'
    and r.rolname !~ ('^postgate_([a-z]+_|t)' || $1 || '(_|$)')
)
select sql from (
  select format('revoke all %s on %s %s from %I',
                case when objsubid > 0 then format('(%I)', a.attname) end,
                case c.relkind when 'S' then 'sequence' else 'table' end, c.oid::regclass, rolname) as sql
  from mention
  join pg_class as c on classid = 'pg_class'::regclass and c.oid = objid
  left join pg_attribute as a on a.attrelid = c.oid and a.attnum = objsubid and objsubid > 0
  where deptype = 'a'
  union all
  select format('revoke all on schema %I from %I', n.nspname, rolname)
  from mention join pg_namespace as n on classid = 'pg_namespace'::regclass and n.oid = objid where deptype = 'a'
  union all
  select format('revoke all on routine %s from %I', p.oid::regprocedure, rolname)
  from mention join pg_proc as p on classid = 'pg_proc'::regclass and p.oid = objid where deptype = 'a'
  union all
  select format('revoke all on language %I from %I', l.lanname, rolname)
  from mention join pg_language as l on classid = 'pg_language'::regclass and l.oid = objid where deptype = 'a'
  union all
  select format('revoke all on type %s from %I', t.oid::regtype, rolname)
  from mention join pg_type as t on classid = 'pg_type'::regclass and t.oid = objid where deptype = 'a'
  union all
  select format('alter default privileges for role %I in schema %I revoke all on %s from %I',
                definer.rolname, n.nspname, kind.name, mention.rolname)
  from mention
  join pg_default_acl as d on classid = 'pg_default_acl'::regclass and d.oid = objid
  join pg_namespace as n on n.oid = d.defaclnamespace
  join pg_roles as definer on definer.oid = d.defaclrole
  join (values ('r', 'tables'), ('S', 'sequences')) as kind (objtype, name) on kind.objtype::"char" = d.defaclobjtype
  where deptype = 'a'
) as planned
order by sql`;

export async function removeForeignRights(client: ClientBase, roles: InstallationRoles): Promise<void> {
  const plan = async (): Promise<readonly string[]> => {
    const { rows } = await client.query<{ sql: string }>(PLAN_SQL, [String(roles.databaseOid)]);
    return rows.map(({ sql }) => sql);
  };
  if ((await withTransaction(client, plan)).length === 0) return;
  await withLockedTransaction(client, async () => {
    for (const statement of await plan()) await client.query(statement);
  });
}
