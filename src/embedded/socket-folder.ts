// Finds a folder for the server's unix socket whose path the kernel accepts and that the server's user can reach.

import { chmod, chown, lstat, mkdir, mkdtemp, readlink, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { hasErrorCode } from "./has-error-code.ts";
import { SERVER_PORT } from "./postmaster.ts";
import { canEnter, type ServerUser } from "./server-user.ts";

/** What Linux accepts is 107 bytes, and macOS 103. */
const LONGEST_SOCKET_PATH = 103;

/**
 * A private folder for the socket: the wanted one, or where that cannot be, a short one among the temporary files, to
 * which the wanted one becomes a link. A short one that a killed run left is used again.
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

/** Removes a short folder; the wanted one is a part of the data folder and stays. */
export async function closeSocketFolder(wanted: string, folder: string): Promise<void> {
  if (folder !== wanted) await rm(folder, { recursive: true, force: true });
}

/** The system's folder for temporary files, or /tmp where a socket would not fit below it or the user cannot go there. */
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
    if (hasErrorCode(error, "ENOENT", "EINVAL")) return undefined; // Nothing there, or no link.
    throw error;
  }
}

/** Among temporary files, somebody else may have made a folder of the same name since. */
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
