// Examines what all tenants of one PostgreSQL server share: its version, the room in its lock table, and the memory
// of a statement. It reads settings and the limits of a process, and tries no attacks.

import { type ClientBase, DatabaseError } from "pg";
import { describeServerAge } from "./server-age.ts";
import { standing, type WallReport } from "./wall-report.ts";

export async function examineServer(client: ClientBase): Promise<readonly WallReport[]> {
  return [await examineVersion(client), await examineLockTable(client), await examineMemory(client)];
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

/** PostgreSQL's lock table has `max_locks_per_transaction` entries for each session, and any session may use all of them. */
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

/** Reads Linux's limits of the session's own process: null on other systems. Only a login that may read the server's files sees it. */
const LIMITS_SQL = "select pg_read_file('/proc/self/limits', 0, 65536, true) as limits";
/** PostgreSQL's error when a login may not read files of the server. */
const INSUFFICIENT_PRIVILEGE = "42501";
const MB = 1024 * 1024;

async function examineMemory(client: ClientBase): Promise<WallReport> {
  const limits = await readLimits(client);
  const bytes = Math.min(...["Max data size", "Max address space"].map((name) => findLimit(limits ?? "", name)));
  if (Number.isFinite(bytes)) return standing(`memory of one statement (at most ${Math.floor(bytes / MB)} MB)`);
  return {
    wall: "memory of one statement",
    state: "weaker",
    why: `${limits === undefined ? "as far as this login can see, " : ""}one statement can take all memory of the server, which then ends every session`,
    tried: null,
    raise:
      "limit the memory of PostgreSQL's processes: LimitDATA=1G in the [Service] section of its systemd unit, or docker run --ulimit data=1073741824; see docs/how-to/scale.md",
  };
}

/** Returns undefined if this login may not see the limits, or the system has none to show. */
async function readLimits(client: ClientBase): Promise<string | undefined> {
  try {
    const { rows } = await client.query<{ limits: string | null }>(LIMITS_SQL);
    return rows[0]?.limits ?? undefined;
  } catch (error) {
    if (error instanceof DatabaseError && error.code === INSUFFICIENT_PRIVILEGE) return undefined;
    throw error;
  }
}

/** Returns the soft limit in bytes from a line such as `Max data size   1073741824   unlimited   bytes`, or infinity if there is none. */
function findLimit(limits: string, name: string): number {
  const [, soft] = new RegExp(`^${name} +(\\d+) `, "m").exec(limits) ?? [];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}
