// Finds the logins that could no longer connect to this database after a lock-down. It only reads the catalogs.

import type { ClientBase } from "pg";
import type { InstallationRoles } from "../tenants/role-names.ts";

/**
 * A login keeps CONNECT through a grant to itself or to a role whose rights it inherits, or through a role that a lock-down makes a
 * member of the role that stands in for PUBLIC. Run with the search_path at pg_catalog.
 */
const LOGINS_SQL = `
with held as (
  select a.grantee
  from pg_database as d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
  where d.datname = current_database() and a.privilege_type = 'CONNECT'
),
keeper as (
  select grantee as oid from held where grantee <> 0
  union select oid from pg_roles where rolname in ($1, $2, 'pg_monitor') or (rolname = current_user and not rolsuper)
)
select r.rolname::text as login
from pg_roles as r
where r.rolcanlogin and not r.rolsuper and r.rolname !~ '^postgate_' and r.rolname <> $3
  and exists (select from held where grantee = 0)
  and not exists (select from keeper where pg_has_role(r.oid, keeper.oid, 'USAGE'))
order by 1`;

/** Returns the names of the logins, beside Postgate's own, that hold CONNECT on this database through PUBLIC alone. */
export async function findLoginsThroughPublic(
  client: ClientBase,
  roles: InstallationRoles,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ login: string }>(LOGINS_SQL, [roles.owner, roles.formerPublic, roles.exec]);
  return rows.map(({ login }) => login);
}
