// Asks a server which of the given processes are backends of a login. pg_stat_activity shows every role the pid, the login and
// the database of every backend. It shows the start time of a backend only to a superuser, to a member of pg_read_all_stats, and
// to the backend's own login.

import type { ClientBase } from "pg";
import { connect } from "./connect.ts";
import type { ConnectionSettings } from "./connection-settings.ts";

export interface Backend {
  readonly processId: number;
  /** The backend's start time. Null if the asking role may not see it. */
  readonly startedAt: string | null;
}

const FIND_SQL = `
select pid, backend_start::pg_catalog.text as started_at from pg_catalog.pg_stat_activity
where pid operator(pg_catalog.=) any ($1::pg_catalog.int4[])
  and usename operator(pg_catalog.=) $2::pg_catalog.name
  and datname operator(pg_catalog.=) pg_catalog.current_database()`;

interface BackendRow {
  readonly pid: number;
  readonly started_at: string | null;
}

export async function findBackends(
  client: ClientBase,
  login: string,
  processIds: readonly number[],
): Promise<readonly Backend[]> {
  const { rows } = await client.query<BackendRow>(FIND_SQL, [processIds, login]);
  return rows.map(({ pid, started_at: startedAt }) => ({ processId: pid, startedAt }));
}

const TIMEOUT_MS = 5_000;

/** Returns a function that asks about the backends of `login`. It opens a connection as `asking` for each question. */
export function createBackendFinder(
  asking: ConnectionSettings,
  login: string,
): (processIds: readonly number[]) => Promise<readonly Backend[]> {
  return async (processIds) => {
    const client = await connect(asking, {
      applicationName: "postgate watch",
      connectTimeoutMs: TIMEOUT_MS,
      startupOptions: { statement_timeout: String(TIMEOUT_MS) },
    });
    const cut = setTimeout(() => client.connection.stream.destroy(), TIMEOUT_MS);
    try {
      return await findBackends(client, login, processIds);
    } finally {
      await client.end();
      clearTimeout(cut);
    }
  };
}
