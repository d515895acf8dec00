// Starts a PostgreSQL with its own settings for one test, because the lock table and the number of connections belong to a server.

import { chown, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { prepareBinaries } from "../../src/embedded/prepare-binaries.ts";
import { listServerUsers } from "../../src/embedded/server-user.ts";
import { temporaryFolderFor } from "../../src/embedded/socket-folder.ts";
import type { TestDatabase } from "./cluster.ts";
import { FOLDER_PREFIX, startCluster } from "./start-cluster.ts";

/** Starts a server and returns its database `postgres`, whose `close` ends the server. */
export async function startOwnCluster(settings: Readonly<Record<string, string>>): Promise<TestDatabase> {
  const user = listServerUsers()[0];
  const folder = await mkdtemp(join(temporaryFolderFor(user), `${FOLDER_PREFIX}${process.pid}-`));
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const binaries = await prepareBinaries({ user, folder, majorVersion: undefined });
  const { socketFolder, postmaster } = await startCluster(binaries, folder, user, settings);
  const login = { host: socketFolder, port: 5432, user: "postgres", database: "postgres" };
  const pool = new pg.Pool({ ...login, max: 1, password: "" });
  pool.on("error", () => undefined);
  return {
    connection: { ...login, password: undefined, sslMode: "disable", sslRootCert: undefined },
    query: async (sql, params) => (await pool.query<Record<string, unknown>>(sql, params)).rows,
    async close() {
      await pool.end();
      await postmaster.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
