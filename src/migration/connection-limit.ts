// How many connections the login of tenants' statements may have on the server, in all processes together. The account of cut
// backends is each process's own and ends with it; this bound is PostgreSQL's, and it leaves room for everybody else.

import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { withLockedTransaction } from "../postgres/locked-transaction.ts";

export interface LoginPools {
  /** The login of tenants' statements. */
  readonly exec: string;
  /** The login whose sessions name the pool of each live process: see `controlNameOf`. */
  readonly auth: string;
  /** Connections of this process's own pool. */
  readonly ownConnections: number;
}

/** For doctor, for the check at a process's start, and for backends that are about to end. */
const SPARE_CONNECTIONS = 3;

/** What the sessions for look-ups are called in pg_stat_activity, so that others learn how large this process's pool is. */
export function controlNameOf(processName: string, poolConnections: number): string {
  return `postgate control ${processName} pool ${poolConnections}`;
}

/** Run with the search_path at pg_catalog. */
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

/** Sets the limit of the login to what the server can spare, and never below what the live processes' pools may open. */
export async function limitConnections(operator: ConnectionSettings, pools: LoginPools): Promise<void> {
  const client = await connect(operator);
  try {
    const values = [pools.exec, pools.auth, pools.ownConnections];
    // Those who start at the same time take turns, and the last of them sees the sessions of all.
    await withLockedTransaction(client, async () => {
      const { rows } = await client.query<{ sql: string }>(LIMIT_SQL, values);
      for (const { sql } of rows) await client.query(sql);
    });
  } finally {
    await client.end();
  }
}
