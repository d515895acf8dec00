// Makes a data folder as the release before passwords left it: with `initdb -A trust` and a migrated database.

import { execFileSync } from "node:child_process";
import { chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type Postmaster, startPostmaster } from "../../../src/embedded/postmaster.ts";
import { prepareBinaries } from "../../../src/embedded/prepare-binaries.ts";
import { idsOf } from "../../../src/embedded/server-user.ts";
import { SUPERUSER } from "../../../src/embedded/init-data-folder.ts";
import { migrate } from "../../../src/migration/migrate.ts";
import type { ConnectionSettings } from "../../../src/postgres/connection-settings.ts";
import { makeFolder, serverUser } from "./data-dirs.ts";

let prepared = "";

/** Makes the folder once for a test file that uses `copyReleasedFolder`. Call it at the top of the file. */
export function prepareReleasedFolder(): void {
  beforeAll(async () => {
    prepared = await mkdtemp(join(tmpdir(), "postgate-released-"));
    const dataDir = join(prepared, ".postgate");
    await mkdir(dataDir, { mode: 0o700 });
    if (serverUser !== undefined)
      for (const path of [prepared, dataDir]) await chown(path, serverUser.uid, serverUser.gid);
    await writeFile(join(dataDir, "lock.1"), "released"); // The lock marks the folder as Postgate's.
    const binaries = await prepareBinaries({ user: serverUser, folder: dataDir, majorVersion: undefined });
    const options = ["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
    execFileSync(join(binaries.folder, "initdb"), ["-D", join(dataDir, "data"), ...options], {
      cwd: dataDir,
      stdio: "ignore",
      ...idsOf(serverUser),
    });
    const server = await startReleased(dataDir);
    await migrate(trusted(dataDir));
    await server.stop();
  });
  afterAll(() => rm(prepared, { recursive: true, force: true }));
}

export async function copyReleasedFolder(): Promise<string> {
  const parent = await makeFolder();
  execFileSync("cp", ["-a", join(prepared, ".postgate"), parent]);
  return join(parent, ".postgate");
}

/** Starts the server on the folder as the release did. */
export async function startReleased(dataDir: string): Promise<Postmaster> {
  const binaries = await prepareBinaries({ user: serverUser, folder: dataDir, majorVersion: undefined });
  return startPostmaster({
    ...{ binaries, user: serverUser, dataFolder: join(dataDir, "data"), socketFolder: join(dataDir, "data") },
    ...{ logFile: join(dataDir, "server.log"), settings: {} },
  });
}

/** Returns the superuser's connection without a password. */
export function trusted(dataDir: string, socketFolder = join(dataDir, "data")): ConnectionSettings {
  return {
    ...{ host: socketFolder, port: 5432, user: SUPERUSER, password: undefined, database: "postgres" },
    ...{ sslMode: "disable", sslRootCert: undefined },
  };
}
