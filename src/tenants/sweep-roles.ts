// Removes the roles of deleted tenants. It touches only this database's roles: a name that contains another oid belongs to
// another installation.

import type { ClientBase } from "pg";
import { withLockedTransaction, withTransaction } from "../postgres/locked-transaction.ts";
import type { InstallationRoles } from "./role-names.ts";

/**
 * Finds roles of tenants that have no row. A role that still owns an object or has a right anywhere is kept, for example one whose
 * schema outlived its row, or one that a clone of this database still uses because it was not migrated yet. To drop such a
 * role would fail, and to drop its objects would lose data.
 */
const LEFTOVERS_SQL = `
select role.rolname as name
from pg_roles as role
where role.rolname ~ ('^postgate_t' || $1::text || '_[0-9a-f]{32}(_rw)?$')
  and not exists (
    select from public.postgate_databases as d
    where replace(d.id::text, '-', '') = substr(role.rolname, length('postgate_t' || $1::text || '_') + 1, 32)
  )
  and not exists (select from pg_shdepend as d where d.refclassid = 'pg_authid'::regclass and d.refobjid = role.oid)
order by role.rolname`;

/** Drops the roles, and returns their names. */
export async function sweepRoles(client: ClientBase, roles: InstallationRoles): Promise<readonly string[]> {
  const findLeftovers = async (): Promise<readonly string[]> => {
    const { rows } = await client.query<{ name: string }>(LEFTOVERS_SQL, [String(roles.databaseOid)]);
    return rows.map(({ name }) => name);
  };
  if ((await withTransaction(client, findLeftovers)).length === 0) return [];
  return withLockedTransaction(client, async () => {
    const leftovers = await findLeftovers();
    // The names consist of letters, digits and underscores, so they need no quoting.
    for (const name of leftovers) await client.query(`drop role if exists ${name}`);
    return leftovers;
  });
}
