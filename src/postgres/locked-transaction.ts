import type { ClientBase } from "pg";

/** "postgate" in ASCII, as a bigint. A transaction that changes tables, roles or grants of a Postgate database holds this lock. */
const ADVISORY_LOCK = "8101821198450652261";

/** An open transaction on one table must not delay every other tenant and instance. */
const LOCK_TIMEOUT_MS = 5_000;

/**
 * Runs `use` in one transaction that holds the lock, so no other such transaction changes roles or grants of this database at
 * the same time. Unqualified names mean PostgreSQL's own objects. The transaction is rolled back when `use` throws.
 */
export async function withLockedTransaction<T>(client: ClientBase, use: () => Promise<T>): Promise<T> {
  return withTransaction(client, async () => {
    await client.query("select pg_advisory_xact_lock($1::bigint)", [ADVISORY_LOCK]);
    await client.query("select set_config('lock_timeout', $1, true)", [`${LOCK_TIMEOUT_MS}ms`]);
    return use();
  });
}

/** Runs `use` in one transaction in which unqualified names mean PostgreSQL's own objects. */
export async function withTransaction<T>(client: ClientBase, use: () => Promise<T>): Promise<T> {
  return withOwnNames(client, async () => {
    await client.query("set local search_path = pg_catalog, pg_temp; set local client_min_messages = error");
    return use();
  });
}

/** Runs `use` in one transaction with the login's own search_path, which an operator's triggers may need. */
export async function withOwnNames<T>(client: ClientBase, use: () => Promise<T>): Promise<T> {
  // The level is READ COMMITTED, whatever the server's default, so that changes from before the lock was granted are visible.
  await client.query("begin isolation level read committed read write");
  try {
    const result = await use();
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => undefined); // If this fails, the connection is gone, and the first error has the reason.
    throw error;
  }
}
