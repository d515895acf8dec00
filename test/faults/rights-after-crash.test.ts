// A backend dies, and PostgreSQL recovers without having stopped: numbers of transactions that had not come to the disk are handed
// out again. A change of rights under such a number must not pass for one that was seen.

import { expect, it, onTestFinished } from "vitest";
import { createRightsChanges } from "../../src/auth/rights-changes.ts";
import { migrate } from "../../src/migration/migrate.ts";
import { parseConnectionUrl } from "../../src/postgres/connection-settings.ts";
import { QueryPool } from "../../src/postgres/query-pool.ts";
import { startOwnServer } from "./own-server.ts";

it("nothing is taken for known that was asked before the crash", { timeout: 60_000 }, async () => {
  const server = await startOwnServer();
  const { auth } = await migrate(parseConnectionUrl(server.url));
  await server.query("select create_tenant_token(id) from postgate_databases");
  const pool = new QueryPool({ connection: auth, maxConnections: 1, timeoutMs: 5_000 });
  onTestFinished(() => pool.close());
  const findChanges = createRightsChanges(pool.query);
  await expect.poll(async () => (await findChanges())?.databases.size).toBe(0);

  let known: string | undefined;
  /** As long as the server cannot be asked, it is what it was. */
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
