// The primary is killed -9 and its streaming replica promoted, behind one DATABASE_URL that names both.

import { spawnSync } from "node:child_process";
import { chown, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { useBuiltCli } from "../support/cli.ts";
import { post } from "../support/gateway.ts";
import { createToken, type OwnServer, serveOn, startOwnServer } from "./own-server.ts";

/** Promised: two seconds. */
const RECOVERY_DEADLINE_MS = 5 * 2_000;

useBuiltCli();

/** A base backup as PostgreSQL's manual makes one by hand, then a server that follows the primary. */
async function startReplicaOf(primary: OwnServer): Promise<OwnServer> {
  const client = await primary.connect();
  onTestFinished(() => client.end());
  await client.query("select pg_backup_start('replica', true)");
  return startOwnServer(async (dataFolder) => {
    spawnSync("cp", ["-a", primary.dataFolder, dataFolder]);
    const { rows } = await client.query<{ labelfile: string }>("select labelfile from pg_backup_stop(false)");
    for (const name of ["postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"])
      // They belong to the running server.
      await rm(join(dataFolder, name), { force: true });
    await writeFile(join(dataFolder, "backup_label"), rows[0]?.labelfile ?? "");
    await writeFile(join(dataFolder, "standby.signal"), "");
    const conninfo = `primary_conninfo = 'host=${primary.dataFolder} port=5432 user=postgres'\n`;
    await writeFile(join(dataFolder, "postgresql.auto.conf"), conninfo);
    const { uid, gid } = await stat(dataFolder); // The server's user, who is not who runs the tests.
    for (const name of ["backup_label", "standby.signal"]) await chown(join(dataFolder, name), uid, gid);
  });
}

it("finds the promoted replica by itself, with every acknowledged write", { timeout: 120_000 }, async () => {
  const primary = await startOwnServer();
  const replica = await startReplicaOf(primary);
  while ((await primary.query("select from pg_stat_replication where state = 'streaming'")).length === 0);
  await primary.query("alter system set synchronous_standby_names = '*'");
  await primary.query("select pg_reload_conf()");

  const hosts = [replica, primary].map(({ dataFolder }) => encodeURIComponent(dataFolder)).join();
  const { url } = await serveOn(`postgres://postgres@/postgres?host=${hosts}&target_session_attrs=read-write`);
  const token = await createToken(primary.query);
  const write = (id: number) => post(url, token, { sql: "insert into writes values ($1)", params: [id] });
  expect((await post(url, token, { sql: "create table writes (id int primary key)" })).status).toBe(200);

  const acknowledged: number[] = [];
  for (let id = 0; id < 20; id++) if ((await write(id)).status === 200) acknowledged.push(id);
  expect(acknowledged).toHaveLength(20);
  await primary.kill();
  const refused = await write(100);
  expect([500, 503]).toContain(refused.status);
  await replica.query("select pg_promote()");
  const since = performance.now();
  let id = 101;
  while ((await write(id)).status !== 200 && performance.now() - since < RECOVERY_DEADLINE_MS) id += 1;
  console.info(`writes again ${Math.round(performance.now() - since)} ms after the promotion`);
  const { body } = await post(url, token, {
    sql: "select array_agg(id order by id) as ids from writes where id < 100",
  });
  expect(body.rows).toEqual([{ ids: acknowledged }]);
  expect(performance.now() - since).toBeLessThan(RECOVERY_DEADLINE_MS);
});
