// Sets how many connections the login of tenants' statements may have on the server, in all processes together. Each process counts
// its own cut backends, and the count ends with the process. PostgreSQL itself enforces this limit, which leaves room for all others.

import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { withLockedTransaction } from "../postgres/locked-transaction.ts";

export interface LoginPools {
  /** The login of tenants' statements. */
  readonly exec: string;
  /** The login that looks tokens up. Its sessions' names show the pool size of each live process: see `controlNameOf`. */
  readonly auth: string;
  /** Number of connections in this process's own pool. */
  readonly ownConnections: number;
}

/** Connections beyond the pools: for doctor, for the check at a process's start, and for backends that are about to end. */
const SPARE_CONNECTIONS = 3;

/** Returns the name of the look-up sessions in pg_stat_activity. It tells other processes how large this process's pool is. */
export function controlNameOf(processName: string, poolConnections: number): string {
  return `postgate control ${processName} pool ${poolConnections}`;
}

/** It runs with the search_path at pg_catalog. */
const LIMIT_SQL = `
with live as (
  select distinct application_name as name from pg_stat_activity
  where usename = $2 and datname = current_database() and application_name ~ '^postgate control [0-9a-f]+ pool [0-9]{1,5}$'
),
wanted as (
  select greatest(
    current_setting('max_connections')::int
      - current_setting('superuser_reserved_connections')::int
      - coalesce(current_setting('reserved_connections', true)::int, 0)
      - greatest(10, ceil(current_setting('max_connections')::int * 0.1)::int),
    greatest($3, coalesce((select sum(substring(name from '[0-9]+$')::int) from live), 0)) + ${SPARE_CONNECTIONS}
  ) as connections
)
select format('alter role %I connection limit %s', r.rolname, wanted.connections) as sql
from wanted, pg_roles as r
where r.rolname = $1 and r.rolconnlimit <> wanted.connections`;

/** Sets the login's limit to what the server can spare, but never below what the pools of all live processes may open. */
export async function limitConnections(operator: ConnectionSettings, pools: LoginPools): Promise<void> {
  const client = await connect(operator);
  try {
    const values = [pools.exec, pools.auth, pools.ownConnections];
    // Processes that start at the same time take turns, and the last one sees the sessions of all.
    await withLockedTransaction(client, async () => {
      const { rows } = await client.query<{ sql: string }>(LIMIT_SQL, values);
      for (const { sql } of rows) await client.query(sql);
    });
  } finally {
    await client.end();
  }
}
