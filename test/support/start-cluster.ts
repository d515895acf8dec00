// Starts one PostgreSQL for tests, in a folder of the caller's. In charge of settings and of nothing's ending: the caller stops it.

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

/** Folders of clusters begin so, and go on with the number of the process that made them. */
export const FOLDER_PREFIX = "postgate-test-";

/** Fast and not durable. */
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

/** The limit that the embedded server of a machine with 16 GB has. */
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
  // The data folder is as private as a socket needs, and its path as short.
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
