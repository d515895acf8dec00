// Runs Debian's PgBouncer in transaction mode in front of one of the run's clusters.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { listServerUsers } from "../../src/embedded/server-user.ts";
import { temporaryFolderFor } from "../../src/embedded/socket-folder.ts";
import type { ConnectionSettings } from "../../src/postgres/connection-settings.ts";

const PROGRAM = "/usr/sbin/pgbouncer";
const PORT = 6432;

/** Whether this machine has PgBouncer; its tests are skipped otherwise. */
export const hasPgBouncer = existsSync(PROGRAM);

export interface PgBouncer {
  /** The connection of the same login through the pooler. */
  readonly connection: ConnectionSettings;
  close(): Promise<void>;
}

/**
 * Starts PgBouncer.
 *
 * @param serverConnections the number of connections to PostgreSQL that all clients share
 */
export async function startPgBouncer(target: ConnectionSettings, serverConnections: number): Promise<PgBouncer> {
  const user = listServerUsers()[0];
  const folder = await mkdtemp(join(temporaryFolderFor(user), "pgb-"));
  await writeFile(join(folder, "users.txt"), `"${target.user}" ""\n`);
  await writeFile(
    join(folder, "pgbouncer.ini"),
    `[databases]
* = host=${target.host} port=${target.port}
[pgbouncer]
pool_mode = transaction
default_pool_size = ${serverConnections}
max_client_conn = 200
auth_type = trust
auth_file = ${join(folder, "users.txt")}
unix_socket_dir = ${folder}
listen_port = ${PORT}
`,
  );
  await chmod(folder, 0o755);
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const pooler = spawn(PROGRAM, [join(folder, "pgbouncer.ini")], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
  await untilListening(pooler);
  return {
    connection: { ...target, host: folder, port: PORT },
    close: async () => {
      const exited = once(pooler, "exit");
      pooler.kill("SIGTERM");
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function untilListening({ stderr }: ChildProcess): Promise<void> {
  if (stderr === null) throw new Error("PgBouncer says nothing");
  let said = "";
  for await (const chunk of stderr.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (said.includes("process up")) {
      stderr.resume();
      return;
    }
  }
  throw new Error(`PgBouncer does not start: ${said}`);
}
