// Kills a session, after which PostgreSQL recovers without a stop. PostgreSQL then assigns transaction ids again that had not reached
// the disk. The gateway must not mistake a change of rights with such an id for a change that it has seen.

import { expect, it, onTestFinished } from "vitest";
import { createRightsChanges } from "../../src/auth/rights-changes.ts";
import { migrate } from "../../src/migration/migrate.ts";
import { parseConnectionUrl } from "../../src/postgres/connection-settings.ts";
import { QueryPool } from "../../src/postgres/query-pool.ts";
import { startOwnServer } from "./own-server.ts";

it("the gateway trusts no knowledge of rights from before a crash of PostgreSQL", { timeout: 60_000 }, async () => {
  const server = await startOwnServer();
  const { auth } = await migrate(parseConnectionUrl(server.url));
  await server.query("select create_tenant_token(id) from postgate_databases");
  const pool = new QueryPool({ connection: auth, maxConnections: 1, timeoutMs: 5_000 });
  onTestFinished(() => pool.close());
  const findChanges = createRightsChanges(pool.query);
  await expect.poll(async () => (await findChanges())?.databases.size).toBe(0);

  let known: string | undefined;
  /** Returns the last known value while the server does not answer. */
  const statisticsBegan = async (): Promise<string | undefined> => {
    const sql = "select pg_stat_get_bgwriter_stat_reset_time()::text as at";
    known = await server.query(sql).then(
      ([row]) => String(row.at),
      () => known,
    );
    return known;
  };
  const client = await server.connect();
  client.on("error", () => undefined);
  await client.query("create table scratch (i int); checkpoint");
  for (let count = 0; count < 20; count++) await client.query("begin; insert into scratch values (1); rollback");
  const { rows } = await client.query<{ pid: number; next: string }>(
    "select pg_backend_pid() as pid, pg_snapshot_xmax(pg_current_snapshot())::text as next",
  );
  await findChanges();
  const begun = await statisticsBegan();
  process.kill(rows[0]?.pid ?? 0, "SIGKILL");
  await expect.poll(statisticsBegan, { timeout: 30_000 }).not.toBe(begun);
  const [{ xid }] = await server.query("delete from postgate_tokens returning pg_current_xact_id()::text as xid");
  console.info(`the change has number ${xid}; the question before the crash had seen those below ${rows[0]?.next}`);
  await expect(findChanges()).resolves.toBeUndefined();
});
