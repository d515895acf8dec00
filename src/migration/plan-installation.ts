// Finds out what the gateway's own logins lack: the statements that make the roles, change the owner of the metadata and the
// functions, and grant what each login needs. It queries the catalogs and changes nothing.

import type { ClientBase } from "pg";
import type { InstallationRoles } from "../tenants/role-names.ts";
import { HOLDS_ONLY_POSTGATE } from "./own-database.ts";

export interface PlanOptions {
  readonly roles: InstallationRoles;
  /** False if tables and functions are the operator's own (POSTGATE_SKIP_MIGRATIONS). They then keep their owners. */
  readonly ownsObjects: boolean;
  /** False if tenants' statements run on a login that the operator made. */
  readonly makesExecLogin: boolean;
}

const ADMIN_FUNCTIONS =
  "('create_tenant_database', 'delete_tenant_database', 'create_tenant_token', 'delete_tenant_token', 'rotate_tenant_token')";

/** Instances learn of changed rights from this table. Only the triggers and the login that looks tokens up use it. */
const RIGHTS_CHANGES = "postgate_rights_changes";
const RIGHTS_FUNCTIONS = "('postgate_record_rights_change', 'postgate_rights_changes_since', 'postgate_rights_server')";

/** It runs with the search_path at pg_catalog, so that the names in the statements are qualified. */
const PLAN_SQL = `
with server as (
  select current_setting('server_version_num')::int >= 160000 as has_grant_options,
         (select rolsuper from pg_roles where rolname = current_user) as is_superuser,
         d.datname, d.datacl
  from pg_database as d where d.datname = current_database()
),
role as (
  select given.kind, given.name, r.oid
  from (values ('owner', $1), ('admin', $2), ('auth', $3), ('exec', $4)) as given (kind, name)
  left join pg_roles as r on r.rolname = given.name
),
metadata as (
  select c.oid, c.relname, c.relkind, c.relowner, c.relacl from pg_class as c
  where c.relnamespace = 'public'::regnamespace and c.relname in ('postgate_databases', 'postgate_tokens')
),
admin_function as (
  select p.oid, p.proowner, p.proacl, p.prosecdef from pg_proc as p
  where p.pronamespace = 'public'::regnamespace and p.proname in ${ADMIN_FUNCTIONS}
),
rights_table as (
  select c.oid, c.relowner from pg_class as c
  where c.relnamespace = 'public'::regnamespace and c.relname = '${RIGHTS_CHANGES}'
),
rights_function as (
  select p.oid, p.proowner, p.proacl, p.prorettype = 'trigger'::regtype as is_trigger from pg_proc as p
  where p.pronamespace = 'public'::regnamespace and p.proname in ${RIGHTS_FUNCTIONS}
),
-- What an operator's views stand for: their triggers may run as whoever writes to the view.
base_table as (
  select distinct c.oid, c.relacl, n.oid as schema_oid, n.nspname, n.nspacl
  from metadata as m
  join pg_rewrite as w on w.ev_class = m.oid and m.relkind = 'v'
  join pg_depend as d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
  join pg_class as c on c.oid = d.refobjid and c.relkind in ('r', 'p')
  join pg_namespace as n on n.oid = c.relnamespace
),
helper_schema as (
  select n.oid, n.nspowner from pg_namespace as n where n.nspname = 'postgate_helpers'
),
statement as (
  select 1 as step, format('create role %I %s', name, case when kind in ('auth', 'exec') then 'login noinherit' else 'nologin' end) as sql
  from role where oid is null and (kind <> 'exec' or $6)

  -- An operator who is no superuser must belong to the owner to hand it anything, and may create in public for it.
  union all
  select 2, format('grant %I to current_user', name) || case when has_grant_options then ' with inherit true, set true' else '' end
  from role, server
  where kind = 'owner' and not is_superuser and (
    oid is null or not pg_has_role(current_user, oid, 'USAGE')
    or not pg_has_role(current_user, oid, case when has_grant_options then 'SET' else 'MEMBER' end)
  )
  union all
  select 3, format('grant %I to %I', $2, $3) || case when has_grant_options then ' with inherit false, set true' else '' end
  from server
  where not exists (
    select from pg_auth_members as m
    where m.roleid = (select oid from role where kind = 'admin') and m.member = (select oid from role where kind = 'auth')
  )

  -- An operator's functions that run as their caller make and drop schemas as the admin role.
  union all
  select 3, format('grant %I to %I', $1, $2) || case when has_grant_options then ' with inherit true' else '' end
  from server
  where not $5 and exists (select from admin_function where not prosecdef) and not exists (
    select from pg_auth_members as m
    where m.roleid = (select oid from role where kind = 'owner') and m.member = (select oid from role where kind = 'admin')
  )

  union all
  select 4, format('grant %s on database %I to %I', wanted.privilege, datname, role.name)
  from server
  cross join (values ('auth', 'CONNECT'), ('exec', 'CONNECT'), ('owner', 'CREATE')) as wanted (kind, privilege)
  join role on role.kind = wanted.kind
  where not exists (
    select from aclexplode(datacl) as a where a.grantee = role.oid and a.privilege_type = wanted.privilege
  )
  union all
  select 5, format('grant %s on schema public to %I', wanted.privilege, role.name)
  from server
  cross join (values ('auth', 'USAGE'), ('admin', 'USAGE'), ('owner', 'USAGE'), ('owner', 'CREATE')) as wanted (kind, privilege)
  join role on role.kind = wanted.kind
  where (wanted.privilege = 'USAGE' or not is_superuser) and not exists (
    select from pg_namespace as n, aclexplode(n.nspacl) as a
    where n.nspname = 'public' and a.grantee = role.oid and a.privilege_type = wanted.privilege
  )

  -- Before PostgreSQL 15 everybody could create in public. Where others keep something in this database they may rely on
  -- it, and only the operator can tell.
  union all
  select 5, 'revoke create on schema public from public'
  from pg_namespace as n
  where n.nspname = 'public'
    and exists (select from aclexplode(n.nspacl) as a where a.grantee = 0 and a.privilege_type = 'CREATE')
    and ${HOLDS_ONLY_POSTGATE}

  union all
  select 6, format('alter table %s owner to %I', oid::regclass, $1)
  from (select oid, relowner from metadata union all select oid, relowner from rights_table) as owned
  where $5 and relowner is distinct from (select oid from role where kind = 'owner')
  union all
  select 6, format('alter routine %s owner to %I', oid::regprocedure, $1)
  from (select oid, proowner from admin_function union all select oid, proowner from rights_function) as owned
  where $5 and proowner is distinct from (select oid from role where kind = 'owner')
  union all
  select 6, format('alter schema postgate_helpers owner to %I', $1)
  from helper_schema where $5 and nspowner is distinct from (select oid from role where kind = 'owner')
  union all
  select 7, format('alter routine %s owner to %I', p.oid::regprocedure, $1)
  from helper_schema join pg_proc as p on p.pronamespace = helper_schema.oid
  where $5 and p.proowner is distinct from (select oid from role where kind = 'owner')

  -- ENABLE TRIGGER ALL, as a restore of data alone ends with, leaves them off for replication.
  union all
  select 8, format('alter table %s enable always trigger %I', t.tgrelid::regclass, t.tgname)
  from rights_function as f join pg_trigger as t on t.tgfoid = f.oid
  where $5 and f.is_trigger and t.tgenabled <> 'A'

  -- Tenants' roles are PUBLIC too: nothing of the metadata is for it.
  union all
  select 8, format('revoke all on table %s from public', oid::regclass)
  from metadata where exists (select from aclexplode(relacl) as a where a.grantee = 0)
  union all
  select 8, format('revoke all on routine %s from public', oid::regprocedure)
  from admin_function
  where exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) as a where a.grantee = 0)
  union all
  select 9, format('grant select, insert, update, delete on table %s to %I', m.oid::regclass, $2)
  from metadata as m
  where 4 > (
    select count(*) from aclexplode(m.relacl) as a
    where a.grantee = (select oid from role where kind = 'admin')
      and a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
  )
  union all
  select 9, format('grant select on table %s to %I', m.oid::regclass, $3)
  from metadata as m
  where not exists (
    select from aclexplode(m.relacl) as a
    where a.grantee = (select oid from role where kind = 'auth') and a.privilege_type = 'SELECT'
  )
  union all
  select 9, format('grant update (last_used_at) on table %s to %I', m.oid::regclass, $3)
  from metadata as m join pg_attribute as c on c.attrelid = m.oid and c.attname = 'last_used_at'
  where m.relname = 'postgate_tokens' and not exists (
    select from aclexplode(c.attacl) as a
    where a.grantee = (select oid from role where kind = 'auth') and a.privilege_type = 'UPDATE'
  )
  union all
  select distinct 9, format('grant usage on schema %I to %I', b.nspname, role.name)
  from base_table as b join role on role.kind in ('admin', 'auth')
  where not exists (select from aclexplode(b.nspacl) as a where a.grantee = role.oid)
  union all
  select 9, format('grant select, insert, update, delete on table %s to %I', b.oid::regclass, $2)
  from base_table as b
  where not exists (select from aclexplode(b.relacl) as a where a.grantee = (select oid from role where kind = 'admin'))
  union all
  select 9, format('grant select, update on table %s to %I', b.oid::regclass, $3)
  from base_table as b
  where not exists (select from aclexplode(b.relacl) as a where a.grantee = (select oid from role where kind = 'auth'))
  union all
  select 9, format('grant execute on routine %s to %I', f.oid::regprocedure, $2)
  from admin_function as f
  where not exists (
    select from aclexplode(f.proacl) as a where a.grantee = (select oid from role where kind = 'admin')
  )
  union all
  select 9, format('grant execute on routine %s to %I', f.oid::regprocedure, $3)
  from rights_function as f
  where not is_trigger and not exists (
    select from aclexplode(f.proacl) as a where a.grantee = (select oid from role where kind = 'auth')
  )
)
select sql from statement order by step, sql`;

/** Returns the statements in the order in which they must run, in one transaction. The list is empty when nothing is missing. */
export async function planInstallation(client: ClientBase, options: PlanOptions): Promise<readonly string[]> {
  const { owner, admin, auth, exec } = options.roles;
  const values = [owner, admin, auth, exec, options.ownsObjects, options.makesExecLogin];
  const { rows } = await client.query<{ sql: string }>(PLAN_SQL, values);
  return rows.map(({ sql }) => sql);
}
