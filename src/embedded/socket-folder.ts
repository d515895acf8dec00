// Finds a folder for the server's unix socket. The kernel must accept the length of its path, and the server's user must reach it.

import { chmod, chown, lstat, mkdir, mkdtemp, readlink, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { hasErrorCode } from "./has-error-code.ts";
import { SERVER_PORT } from "./postmaster.ts";
import { canEnter, type ServerUser } from "./server-user.ts";

/** Linux accepts 107 bytes and macOS 103. */
const LONGEST_SOCKET_PATH = 103;

/**
 * Returns a private folder for the socket. This is the wanted folder if its path is short enough and the user can reach it. Otherwise
 * it is a short folder among the temporary files, and the wanted path becomes a link to it. A short folder that a killed run left is
 * used again.
 */
export async function openSocketFolder(wanted: string, user: ServerUser | undefined): Promise<string> {
  const linked = await findLinked(wanted);
  const isPossible = fits(wanted) && canEnter(dirname(wanted), user);
  if (!isPossible && linked !== undefined && (await isPrivate(linked, user))) return linked;
  if (linked !== undefined) await rm(wanted);
  if (isPossible) {
    await mkdir(wanted, { recursive: true });
    return makePrivate(wanted, user);
  }
  const short = await mkdtemp(join(temporaryFolderFor(user), "postgate-"));
  await rm(wanted, { recursive: true, force: true });
  await symlink(short, wanted);
  return makePrivate(short, user);
}

/** Removes a short folder. The wanted folder stays, because it is a part of the data folder. */
export async function closeSocketFolder(wanted: string, folder: string): Promise<void> {
  if (folder !== wanted) await rm(folder, { recursive: true, force: true });
}

/** Returns the system's folder for temporary files, or /tmp when a socket path below it is too long or the user cannot enter it. */
export function temporaryFolderFor(user: ServerUser | undefined): string {
  const folder = tmpdir();
  return fits(join(folder, "postgate-test-0000000-000000", "00")) && canEnter(folder, user) ? folder : "/tmp";
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, `.s.PGSQL.${SERVER_PORT}`)) <= LONGEST_SOCKET_PATH;
}

async function findLinked(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "EINVAL")) return undefined; // The path does not exist, or it is no link.
    throw error;
  }
}

/** Tells whether the folder still belongs to the user alone. Another user may have made a folder of that name in the meantime. */
async function isPrivate(folder: string, user: ServerUser | undefined): Promise<boolean> {
  try {
    const found = await lstat(folder);
    return found.isDirectory() && found.uid === (user?.uid ?? process.getuid?.()) && (found.mode & 0o077) === 0;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return false;
    throw error;
  }
}

async function makePrivate(folder: string, user: ServerUser | undefined): Promise<string> {
  await chmod(folder, 0o700);
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  return folder;
}
