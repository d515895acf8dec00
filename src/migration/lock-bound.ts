// Computes how many objects one transaction of a tenant may lock while it changes its schema.

import type { ClientBase } from "pg";

/**
 * The bound is half of the server's lock table. The other half serves other tenants, and connections that are being opened.
 * PostgreSQL makes `max_locks_per_transaction` entries for each session and background process that it may have.
 */
const BOUND_SQL = `
select current_setting('max_locks_per_transaction')::int * (
         current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int
         + current_setting('autovacuum_max_workers')::int + current_setting('max_worker_processes')::int
         + current_setting('max_wal_senders')::int
       ) / 2 as bound
where to_regprocedure('postgate_helpers.require_locks(text, jsonb, boolean, integer)') is not null
  and to_regprocedure('postgate_helpers.require_relations(text, integer, boolean)') is not null`;

/** Returns undefined if the functions that count locks are missing, because the operator skips Postgate's migrations. */
export async function loadLockBound(client: ClientBase): Promise<number | undefined> {
  const { rows } = await client.query<{ bound: number }>(BOUND_SQL);
  return rows[0]?.bound;
}
