// Starts one PostgreSQL for tests in the caller's folder. This file chooses the settings; the caller stops the server.

import { join } from "node:path";
import type { ServerBinaries } from "../../src/embedded/find-binaries.ts";
import { initDataFolder } from "../../src/embedded/init-data-folder.ts";
import { type Postmaster, startPostmaster } from "../../src/embedded/postmaster.ts";
import type { ServerUser } from "../../src/embedded/server-user.ts";
import { trustEverybody } from "./trust-everybody.ts";

export interface Cluster {
  readonly version: number;
  readonly socketFolder: string;
  readonly postmaster: Postmaster;
}

/** The names of cluster folders begin with this prefix, followed by the pid of the process that made them. */
export const FOLDER_PREFIX = "postgate-test-";

/** These settings make the server fast but not durable. */
const SETTINGS = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  max_connections: "300",
  max_locks_per_transaction: "400",
  shared_buffers: "64MB",
  autovacuum: "off",
  log_min_messages: "log",
};

/** The embedded server has this limit on a machine with 16 GB. */
const MEMORY_MB = 1_024;

export async function startCluster(
  binaries: ServerBinaries,
  folder: string,
  user: ServerUser | undefined,
  changes: Readonly<Record<string, string>> = {},
): Promise<Cluster> {
  const version = binaries.majorVersion;
  const dataFolder = join(folder, String(version));
  await initDataFolder({ binaries, user, dataFolder, sync: false });
  await trustEverybody(dataFolder, user);
  const logFile = join(folder, `${version}.log`);
  // The data folder is private enough and its path short enough for a socket.
  const postmaster = await startPostmaster({
    binaries,
    user,
    dataFolder,
    socketFolder: dataFolder,
    logFile,
    settings: { ...SETTINGS, ...changes },
    memoryMb: MEMORY_MB,
  });
  return { version, socketFolder: dataFolder, postmaster };
}
