import type { ClientBase } from "pg";

/** "postgate" in ASCII, as a bigint: whoever changes tables, roles or grants of a Postgate database holds this lock. */
const ADVISORY_LOCK = "8101821198450652261";

/** Somebody's open transaction on one table must not hold up every other tenant and instance. */
const LOCK_TIMEOUT_MS = 5_000;

/**
 * Runs `use` in one transaction in which names mean PostgreSQL's own and nobody else changes roles or grants of this
 * database. Rolled back when `use` throws.
 */
export async function withLockedTransaction<T>(client: ClientBase, use: () => Promise<T>): Promise<T> {
  return withTransaction(client, async () => {
    await client.query("select pg_advisory_xact_lock($1::bigint)", [ADVISORY_LOCK]);
    await client.query("select set_config('lock_timeout', $1, true)", [`${LOCK_TIMEOUT_MS}ms`]);
    return use();
  });
}

/** Runs `use` in one transaction in which names mean PostgreSQL's own. */
export async function withTransaction<T>(client: ClientBase, use: () => Promise<T>): Promise<T> {
  // Read committed, whatever the server's default: what was done before the lock was ours must be seen.
  await client.query("begin isolation level read committed read write");
  try {
    await client.query("set local search_path = pg_catalog, pg_temp; set local client_min_messages = error");
    const result = await use();
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => undefined); // The connection is gone then, and the first error tells why.
    throw error;
  }
}
