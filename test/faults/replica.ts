// A streaming replica of a test's own server.

import { spawnSync } from "node:child_process";
import { chown, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type OwnServer, startOwnServer } from "./own-server.ts";

/** A base backup as PostgreSQL's manual makes one by hand, then a server that follows the primary. */
export async function startReplicaOf(primary: OwnServer): Promise<OwnServer> {
  const client = await primary.connect();
  onTestFinished(() => client.end());
  await client.query("select pg_backup_start('replica', true)");
  const replica = await startOwnServer(async (dataFolder) => {
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
  while ((await primary.query("select from pg_stat_replication where state = 'streaming'")).length === 0);
  return replica;
}

/** From now on the primary acknowledges a commit when the replica has it, too. */
export async function replicateSynchronously(primary: OwnServer): Promise<void> {
  await primary.query("alter system set synchronous_standby_names = '*'");
  await primary.query("alter system set synchronous_commit = 'remote_apply'");
  await primary.query("select pg_reload_conf()");
}
