// Finds out what is missing so that some roles keep the rights that PUBLIC had. One role replaces PUBLIC, the roles that need
// its rights are members of it, and the gateway's own logins get a few rights by name. It changes nothing.

import type { ClientBase } from "pg";
import type { InstallationRoles } from "../tenants/role-names.ts";

export interface StandInOptions {
  readonly roles: InstallationRoles;
  /** True if every other role of the server becomes a member. */
  readonly admitsOthers: boolean;
}

export interface StandInPlan {
  readonly isNew: boolean;
  readonly statements: readonly string[];
  /** Quoted names of roles that would not inherit rights as members, and so get the rights themselves. */
  readonly directGrantees: readonly string[];
}

/** It runs with the search_path at pg_catalog. */
const PLAN_SQL = `
with server as (
  select current_setting('server_version_num')::int >= 160000 as has_grant_options,
         (select rolsuper from pg_roles where rolname = current_user) as is_superuser,
         (select oid from pg_roles where rolname = $1) as stand_in
),
member as (
  select r.oid, r.rolname, r.rolinherit or has_grant_options as inherits
  from pg_roles as r, server
  where not r.rolsuper and (
    -- The admin functions and the helpers run as the owner.
    r.rolname in ($2, 'pg_monitor')
    or (r.rolname = current_user and not is_superuser)
    or ($5 and r.rolname !~ '^(pg_|postgate_)' and r.rolname <> $3)
  )
),
needed as (
  -- Both logins set the settings of what they run, and clean up behind it.
  select login as role_name, p.oid as routine, null::oid as relation, p.proacl as acl, p.proowner as owner
  from pg_proc as p cross join unnest(array[$3, $4]) as login
  where p.oid in ('set_config(text,text,boolean)'::regprocedure, 'pg_advisory_unlock_all()'::regprocedure)
  union all
  select $4, p.oid, null, p.proacl, p.proowner from pg_proc as p where p.oid = 'to_regnamespace(text)'::regprocedure
  union all
  select $4, null, c.oid, c.relacl, c.relowner
  from pg_class as c where c.oid in ('pg_namespace'::regclass, 'pg_type'::regclass)
),
statement as (
  select 1 as step, format('create role %I nologin', $1::text) as sql from server where stand_in is null
  union all
  select 2, format('grant %I to %I', $1::text, rolname) || case when has_grant_options then ' with inherit true' else '' end
  from member, server
  where inherits and (
    stand_in is null
    or not exists (select from pg_auth_members as m where m.roleid = stand_in and m.member = member.oid)
    or (rolname = current_user and not pg_has_role(oid, stand_in, 'USAGE'))
  )
  union all
  select 3, format('grant %s to %I',
                   coalesce('execute on function ' || routine::regprocedure, 'select on table ' || relation::regclass), role_name)
  from needed
  where pg_has_role(current_user, owner, 'USAGE') and not exists (
    select from aclexplode(acl) as a where a.grantee = (select oid from pg_roles where rolname = role_name)
  )
)
select (select stand_in is null from server) as is_new,
       array(select sql from statement order by step, sql) as statements,
       array(select format('%I', rolname) from member where not inherits order by rolname) as direct_grantees`;

export async function planStandIn(client: ClientBase, { roles, admitsOthers }: StandInOptions): Promise<StandInPlan> {
  const { rows } = await client.query<{ is_new: boolean; statements: string[]; direct_grantees: string[] }>(PLAN_SQL, [
    roles.formerPublic,
    roles.owner,
    roles.exec,
    roles.auth,
    admitsOthers,
  ]);
  const [row] = rows;
  if (row === undefined) throw new Error("The catalogs gave no answer");
  return { isNew: row.is_new, statements: row.statements, directGrantees: row.direct_grantees };
}
