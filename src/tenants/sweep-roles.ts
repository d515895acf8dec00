// Removes the roles of tenants that are gone. In charge of this database's roles only: names that carry another oid are
// somebody else's.

import type { ClientBase } from "pg";
import { withLockedTransaction, withTransaction } from "../postgres/locked-transaction.ts";
import type { InstallationRoles } from "./role-names.ts";

/**
 * Roles without a row. One that still owns or may do something anywhere (a schema that outlived its row, a clone of this
 * database that was not migrated yet) is kept: dropping it would fail, and dropping what it owns would lose data.
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

/** Gives the names of the roles that it dropped. */
export async function sweepRoles(client: ClientBase, roles: InstallationRoles): Promise<readonly string[]> {
  const findLeftovers = async (): Promise<readonly string[]> => {
    const { rows } = await client.query<{ name: string }>(LEFTOVERS_SQL, [String(roles.databaseOid)]);
    return rows.map(({ name }) => name);
  };
  if ((await withTransaction(client, findLeftovers)).length === 0) return [];
  return withLockedTransaction(client, async () => {
    const leftovers = await findLeftovers();
    // The names match a pattern of letters, digits and underscores: there is nothing to quote.
    for (const name of leftovers) await client.query(`drop role if exists ${name}`);
    return leftovers;
  });
}
