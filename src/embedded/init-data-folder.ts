// Makes PostgreSQL's data folder with initdb, and finds the version of an existing one. It starts no server.

import { chown, mkdtemp, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { dataFolderPath } from "./data-folder-path.ts";
import { embeddedFailure } from "./embedded-failure.ts";
import type { ServerBinaries } from "./find-binaries.ts";
import { readIfThere } from "./read-if-there.ts";
import type { ServerUser } from "./server-user.ts";
import { runServerProgram } from "./spawn-server-program.ts";

export interface DataFolderOptions {
  readonly binaries: ServerBinaries;
  readonly user: ServerUser | undefined;
  readonly dataFolder: string;
  /** Whether initdb waits until everything is on disk. Only tests turn it off. */
  readonly sync: boolean;
}

/** The superuser role that initdb creates. */
export const SUPERUSER = "postgres";

/**
 * Makes the data folder. Its server rejects every login until the folder has access rules. initdb works in a folder beside it, which
 * is renamed when it is complete, so the data folder is either whole or absent. The remains of an interrupted initdb are removed
 * first. The caller must ensure that no other process does the same at the same time.
 */
export async function initDataFolder(options: DataFolderOptions): Promise<void> {
  const { dataFolder, user } = options;
  await removeUnfinished(dataFolder);
  const unfinished = await mkdtemp(unfinishedPrefix(dataFolder));
  if (user !== undefined) await chown(unfinished, user.uid, user.gid);
  await runInitdb(unfinished, options);
  await rename(unfinished, dataFolder);
  if (options.sync) await syncFolder(dirname(dataFolder));
}

/** Returns the major version that made the data folder, or undefined when there is no data folder yet. */
export async function findDataVersion(dataFolder: string): Promise<number | undefined> {
  const version = await readIfThere(join(dataFolder, "PG_VERSION"));
  return version === "" ? undefined : Number(version);
}

async function runInitdb(folder: string, { binaries, user, sync }: DataFolderOptions): Promise<void> {
  const { status, output } = await runServerProgram({
    path: join(binaries.folder, "initdb"),
    args: [
      ...["-D", dataFolderPath(folder, user), "-U", SUPERUSER, "-A", "reject", "-E", "UTF8"],
      ...localeArguments(binaries.majorVersion),
      ...(sync ? [] : ["--no-sync"]),
    ],
    user,
    cwd: folder,
    deathSignal: "KILL",
  });
  if (status === 0) return;
  const reason = /^initdb: error: .*$/m.exec(output)?.[0] ?? output.trim().split("\n").at(-1);
  throw embeddedFailure(`PostgreSQL could not make its data folder in ${dirname(folder)}: ${reason ?? "no output"}`);
}

/** Returns a locale that is the same on every machine and, from PostgreSQL 17 on, needs no locale of the operating system. */
function localeArguments(majorVersion: number): readonly string[] {
  if (majorVersion >= 17) return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  return process.platform === "linux" ? ["--locale=C.UTF-8"] : ["--locale=C"];
}

function unfinishedPrefix(dataFolder: string): string {
  return `${dataFolder}.unfinished-`;
}

async function removeUnfinished(dataFolder: string): Promise<void> {
  const prefix = basename(unfinishedPrefix(dataFolder));
  const leftovers = (await readdir(dirname(dataFolder))).filter((name) => name.startsWith(prefix));
  // The interrupted initdb may still be writing its last file, so the removal is retried.
  const remove = { recursive: true, force: true, maxRetries: 5 } as const;
  await Promise.all(leftovers.map((name) => rm(join(dirname(dataFolder), name), remove)));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  await handle.sync().finally(() => handle.close());
}
