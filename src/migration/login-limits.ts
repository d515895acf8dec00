// Sets what every session of the tenants' login starts with, so that a statement which got past the judge uses no more of the
// server than others. It covers only the login that Postgate made. The operator limits a login that the operator made.

import type { ClientBase } from "pg";
import { withLockedTransaction, withTransaction } from "../postgres/locked-transaction.ts";

/** Defaults. A value that the operator sets with ALTER ROLE … SET is kept. */
const LIMITS = {
  /** Only a superuser can set this limit, so no tenant can raise it. */
  temp_file_limit: "1GB",
  work_mem: "16MB",
  max_parallel_workers_per_gather: "0",
  jit: "off",
  row_security: "on",
  client_min_messages: "error",
  search_path: "pg_temp",
} as const;

const MISSING_SQL = `
select format('alter role %I set %I = %L', $1::text, wanted.name, wanted.value) as sql
from unnest($2::text[], $3::text[]) as wanted (name, value)
where (wanted.name <> 'temp_file_limit' or (select rolsuper from pg_roles where rolname = current_user))
  and not exists (
    select from pg_db_role_setting as s join pg_roles as r on r.oid = s.setrole, unnest(s.setconfig) as set (text)
    where r.rolname = $1 and s.setdatabase = 0 and split_part(set.text, '=', 1) = wanted.name
  )
order by wanted.name`;

export async function limitLogin(client: ClientBase, login: string): Promise<void> {
  const plan = async (): Promise<readonly string[]> => {
    const values = [login, Object.keys(LIMITS), Object.values(LIMITS)];
    return (await client.query<{ sql: string }>(MISSING_SQL, values)).rows.map(({ sql }) => sql);
  };
  if ((await withTransaction(client, plan)).length === 0) return;
  await withLockedTransaction(client, async () => {
    for (const statement of await plan()) await client.query(statement);
  });
}
