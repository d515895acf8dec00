// Examines what all tenants of one PostgreSQL server share: its version and the room in its lock table. It reads settings and
// tries nothing.

import type { ClientBase } from "pg";
import { describeServerAge } from "./server-age.ts";
import { standing, type WallReport } from "./wall-report.ts";

export async function examineServer(client: ClientBase): Promise<readonly WallReport[]> {
  return [await examineVersion(client), await examineLockTable(client)];
}

async function examineVersion(client: ClientBase): Promise<WallReport> {
  const { rows } = await client.query<{ server_version_num: string }>("show server_version_num");
  const why = describeServerAge(Number(rows[0]?.server_version_num));
  const wall = "the server's version";
  return why === undefined
    ? standing(wall)
    : { wall, state: "weaker", why, tried: null, raise: "update PostgreSQL to its last minor release" };
}

/**
 * The number of locks that PostgreSQL should have room for. A statement on a table with many partitions and indexes takes a
 * lock for each of them, so one tenant may take some ten thousand.
 */
const LEAST_LOCKS = 100_000;

/** PostgreSQL's lock table has `max_locks_per_transaction` entries for each of these, whoever uses them. */
const LOCK_TABLE_SQL = `
select current_setting('max_locks_per_transaction')::int as per_session,
       current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int as sessions`;

async function examineLockTable(client: ClientBase): Promise<WallReport> {
  const { rows } = await client.query<{ per_session: number; sessions: number }>(LOCK_TABLE_SQL);
  const [{ per_session: perSession, sessions } = { per_session: 0, sessions: 1 }] = rows;
  const wall = `room for locks (max_locks_per_transaction = ${perSession})`;
  if (perSession * sessions >= LEAST_LOCKS) return standing(wall);
  return {
    wall,
    state: "weaker",
    why: `all sessions together can hold some ${perSession * sessions} locks; when one tenant's tables and indexes take them, other tenants' statements fail with 53200, and no connection can be opened`,
    tried: null,
    raise: `ALTER SYSTEM SET max_locks_per_transaction = ${Math.ceil(LEAST_LOCKS / sessions)}, then restart PostgreSQL`,
  };
}
