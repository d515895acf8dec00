// Starts a streaming replica of a test's own server.

import { spawnSync } from "node:child_process";
import { chown, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type OwnServer, startOwnServer } from "./own-server.ts";

/** Makes a base backup by hand, as PostgreSQL's manual describes, and starts a server on it that follows the primary. */
export async function startReplicaOf(primary: OwnServer): Promise<OwnServer> {
  const client = await primary.connect();
  onTestFinished(() => client.end());
  await client.query("select pg_backup_start('replica', true)");
  const replica = await startOwnServer(async (dataFolder) => {
    spawnSync("cp", ["-a", primary.dataFolder, dataFolder]);
    const { rows } = await client.query<{ labelfile: string }>("select labelfile from pg_backup_stop(false)");
    for (const name of ["postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"])
      // These files belong to the running server.
      await rm(join(dataFolder, name), { force: true });
    await writeFile(join(dataFolder, "backup_label"), rows[0]?.labelfile ?? "");
    await writeFile(join(dataFolder, "standby.signal"), "");
    const conninfo = `primary_conninfo = 'host=${primary.dataFolder} port=5432 user=postgres'\n`;
    await writeFile(join(dataFolder, "postgresql.auto.conf"), conninfo);
    const { uid, gid } = await stat(dataFolder); // The server's user differs from the user who runs the tests.
    for (const name of ["backup_label", "standby.signal"]) await chown(join(dataFolder, name), uid, gid);
  });
  while ((await primary.query("select from pg_stat_replication where state = 'streaming'")).length === 0);
  return replica;
}

/** Makes the primary acknowledge a commit only when the replica has it too. */
export async function replicateSynchronously(primary: OwnServer): Promise<void> {
  await primary.query("alter system set synchronous_standby_names = '*'");
  await primary.query("alter system set synchronous_commit = 'remote_apply'");
  await primary.query("select pg_reload_conf()");
}
