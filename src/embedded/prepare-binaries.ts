// Returns programs of PostgreSQL that the server's user can run. The first choice is the npm package where it lies. The second is a
// copy of it, when the user cannot enter its folder (root's home) or library links cannot be made there. The third is the system's
// PostgreSQL.

import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { embeddedFailure } from "./embedded-failure.ts";
import {
  findPackageFolder,
  findRunnable,
  findSystemBinaries,
  linkLibraries,
  type ServerBinaries,
} from "./find-binaries.ts";
import { hasErrorCode } from "./has-error-code.ts";
import { canEnter, type ServerUser } from "./server-user.ts";

export interface BinariesRequest {
  readonly user: ServerUser | undefined;
  /** The folder that keeps copies, if the user can enter it. */
  readonly folder: string;
  /** The version that made the data; undefined when there is no data yet. */
  readonly majorVersion: number | undefined;
  /** The folder of the npm package; the default is the installed one. */
  readonly packageFolder?: string | undefined;
}

/** Keeps the copies when the server's user cannot enter the data folder either. */
const SYSTEM_CACHE = "/var/cache/postgate";

export async function prepareBinaries(request: BinariesRequest): Promise<ServerBinaries> {
  const { user, majorVersion, packageFolder = findPackageFolder() } = request;
  const packaged = packageFolder === undefined ? undefined : await preparePackage(packageFolder, request);
  const isWanted = (version: number): boolean => majorVersion === undefined || version === majorVersion;
  if (packaged !== undefined && isWanted(packaged.majorVersion)) return packaged;
  const installed = findSystemBinaries(user, majorVersion);
  if (installed !== undefined) return installed;
  if (majorVersion === undefined) throw embeddedFailure(describeAbsence(packageFolder));
  throw embeddedFailure(
    `The data in ${request.folder} was made by PostgreSQL ${majorVersion}, and there is ${packaged === undefined ? "none" : `only ${packaged.majorVersion}`} here: install PostgreSQL ${majorVersion}, or set POSTGATE_DATA_DIR to another folder`,
  );
}

function describeAbsence(packageFolder: string | undefined): string {
  const platform = `${process.platform}-${process.arch}`;
  return packageFolder === undefined
    ? `There is no PostgreSQL on this machine (${platform}): set DATABASE_URL, or install the optional dependencies (npm install --include=optional)`
    : `The PostgreSQL in ${packageFolder} does not run on this machine (${platform}): set DATABASE_URL, or install PostgreSQL of the system`;
}

async function preparePackage(packageFolder: string, request: BinariesRequest): Promise<ServerBinaries | undefined> {
  const programs = join(packageFolder, "native", "bin");
  const isInOrder = linkLibraries(packageFolder) && canEnter(programs, request.user);
  const inPlace = findRunnable(programs, request.user);
  // Programs that do not run although all is in order (on a system without glibc) would not run as a copy either.
  if (inPlace !== undefined || isInOrder) return inPlace;
  const version = await readVersion(packageFolder);
  const copy = join(canEnter(request.folder, request.user) ? request.folder : SYSTEM_CACHE, `postgresql-${version}`);
  const earlier = findRunnable(join(copy, "native", "bin"), request.user);
  if (earlier !== undefined) return earlier;
  await copyPackage(packageFolder, copy);
  return findRunnable(join(copy, "native", "bin"), request.user);
}

async function readVersion(packageFolder: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(packageFolder, "package.json"), "utf8")) as { version: string };
  return manifest.version;
}

/** Copies the package. The copy gets its final name when it is complete. */
async function copyPackage(packageFolder: string, copy: string): Promise<void> {
  await mkdir(dirname(copy), { recursive: true });
  const unfinished = await mkdtemp(`${copy}.unfinished-`);
  await cp(join(packageFolder, "native"), join(unfinished, "native"), { recursive: true, verbatimSymlinks: true });
  linkLibraries(unfinished);
  await makeReadable(unfinished);
  await rm(copy, { recursive: true, force: true });
  try {
    await rename(unfinished, copy);
  } catch (error) {
    if (!hasErrorCode(error, "ENOTEMPTY", "EEXIST")) throw error;
    await rm(unfinished, { recursive: true }); // Another start has just made the same copy.
  }
}

/** Makes the copy readable for every user, because the umask of the install may have forbidden it. */
async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((candidate) => !candidate.isSymbolicLink())) {
    const path = join(entry.parentPath, entry.name);
    const isRunnable = entry.isDirectory() || ((await stat(path)).mode & 0o100) !== 0;
    await chmod(path, isRunnable ? 0o755 : 0o644);
  }
}
