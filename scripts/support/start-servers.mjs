// Starts one PostgreSQL of each supported version that is on this machine, for scripts that read catalogs. 18 is the gateway's
// own dependency; 14, 16 and 17 come from the package beside the tests; 15 is Debian's. It uses the built gateway.

import { existsSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findSystemBinaries } from "../../dist/embedded/find-binaries.js";
import { initDataFolder } from "../../dist/embedded/init-data-folder.js";
import { startPostmaster } from "../../dist/embedded/postmaster.js";
import { prepareBinaries } from "../../dist/embedded/prepare-binaries.js";
import { replaceFile } from "../../dist/embedded/replace-file.js";
import { listServerUsers } from "../../dist/embedded/server-user.js";
import { temporaryFolderFor } from "../../dist/embedded/socket-folder.js";
import { SUPPORTED_VERSIONS } from "./supported-versions.mjs";

const packages = fileURLToPath(new URL("../../test/support/postgres-versions/node_modules/", import.meta.url));

/** Calls `use` with the connection strings of the servers. Stops and removes the servers when `use` has ended. */
export async function withServers(use) {
  const user = listServerUsers()[0];
  const folder = await mkdtemp(join(temporaryFolderFor(user), "postgate-catalogs-"));
  const running = [];
  try {
    if (user !== undefined) await chown(folder, user.uid, user.gid);
    for (const version of SUPPORTED_VERSIONS) {
      const server = await startServer(version, folder, user);
      if (server !== undefined) running.push(server);
    }
    return await use(running.map(({ url }) => url));
  } finally {
    await Promise.all(running.map(({ postmaster }) => postmaster.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function startServer(majorVersion, folder, user) {
  const binaries = await findBinaries(majorVersion, folder, user);
  if (binaries === undefined) return undefined;
  const dataFolder = join(folder, String(majorVersion));
  await initDataFolder({ binaries, user, dataFolder, sync: false });
  await replaceFile(join(dataFolder, "pg_hba.conf"), "local all all trust\n", user);
  const logFile = join(folder, `${majorVersion}.log`);
  const options = { binaries, user, dataFolder, socketFolder: dataFolder, logFile, settings: { fsync: "off" } };
  const postmaster = await startPostmaster(options);
  return { postmaster, url: `postgres://postgres@/postgres?host=${encodeURIComponent(dataFolder)}` };
}

async function findBinaries(majorVersion, folder, user) {
  if (majorVersion === 18) return prepareBinaries({ user, folder, majorVersion });
  const packageFolder = join(packages, `postgresql-${majorVersion}`);
  if (!existsSync(packageFolder)) return findSystemBinaries(user, majorVersion);
  return prepareBinaries({ user, folder, majorVersion, packageFolder });
}
