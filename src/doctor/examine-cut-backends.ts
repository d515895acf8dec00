// Finds PostgreSQL backends that still run a tenant's statement long after its timeout. The gateway has cut their connections, but no
// cancel stops the statement, and each of them takes a place in the pool of the process that it belonged to.

import type { ClientBase } from "pg";
import type { WallReport } from "./wall-report.ts";

export interface TenantsBackends {
  /** The login that runs tenants' statements. */
  readonly login: string;
  /** The time that one statement may run. */
  readonly timeoutMs: number;
}

/** The gateway cuts a backend's connection some seconds after the timeout of its statement. */
const LATE_MS = 5_000;

/** The state of a backend is null for a login that may not see it. Such a backend is not reported. */
const LATE_SQL = `
select pid, extract(epoch from clock_timestamp() - query_start)::int as seconds from pg_catalog.pg_stat_activity
where usename = $1 and datname = current_database() and state = 'active'
  and query_start < clock_timestamp() - make_interval(secs => $2 / 1000.0)
order by query_start`;

export async function examineCutBackends(
  client: ClientBase,
  { login, timeoutMs }: TenantsBackends,
): Promise<readonly WallReport[]> {
  const { rows } = await client.query<{ pid: number; seconds: number }>(LATE_SQL, [login, timeoutMs + LATE_MS]);
  const [oldest] = rows;
  if (oldest === undefined) return [];
  const pids = rows.map(({ pid }) => pid).join(", ");
  return [
    {
      wall: "statements beyond their time",
      state: "weaker",
      why: `${rows.length} backends of "${login}" run on, the oldest for ${oldest.seconds} s (pid ${pids}); each takes a place of a pool`,
      tried: null,
      raise: "wait until they end, or restart PostgreSQL: no cancel and no pg_terminate_backend stops them",
    },
  ];
}
