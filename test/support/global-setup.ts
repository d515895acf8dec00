// Starts the PostgreSQL clusters of one vitest run: 18 from the npm package and, where Debian's is installed, 15. Each run has its own
// folder, so several runs can go on at once. The clusters end with vitest, even when vitest is killed.

import { chown, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { findSystemBinaries } from "../../src/embedded/find-binaries.ts";
import { prepareBinaries } from "../../src/embedded/prepare-binaries.ts";
import { listServerUsers } from "../../src/embedded/server-user.ts";
import { temporaryFolderFor } from "../../src/embedded/socket-folder.ts";
import { FOLDER_PREFIX, startCluster } from "./start-cluster.ts";

/** The socket folder of each cluster, by major version. */
export type ClusterSockets = Readonly<Partial<Record<18 | 15, string>>>;

declare module "vitest" {
  interface ProvidedContext {
    readonly clusterSockets: ClusterSockets;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const user = listServerUsers()[0];
  const temporary = temporaryFolderFor(user);
  await removeLeftovers(temporary);
  const folder = await mkdtemp(join(temporary, `${FOLDER_PREFIX}${process.pid}-`));
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const packaged = await prepareBinaries({ user, folder, majorVersion: undefined });
  const binaries = [packaged, findSystemBinaries(user, 15)].filter((found) => found !== undefined);
  const clusters = await Promise.all(binaries.map((found) => startCluster(found, folder, user)));
  project.provide(
    "clusterSockets",
    Object.fromEntries(clusters.map(({ version, socketFolder }) => [version, socketFolder])),
  );
  return async () => {
    await Promise.all(clusters.map(({ postmaster }) => postmaster.stop()));
    await rm(folder, { recursive: true, force: true });
  };
}

/** Removes the folders of killed runs, as far as this user may remove them. */
async function removeLeftovers(temporary: string): Promise<void> {
  const names = (await readdir(temporary)).filter((name) => name.startsWith(FOLDER_PREFIX));
  const dead = names.filter((name) => !isAlive(Number(name.split("-")[2]))).map((name) => join(temporary, name));
  const removed = await Promise.allSettled(
    dead.map((path) => rm(path, { recursive: true, force: true, maxRetries: 3 })),
  );
  if (process.getuid?.() === 0 && removed.some(({ status }) => status === "rejected"))
    console.warn(`Could not remove all of ${dead.join(", ")}`);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
