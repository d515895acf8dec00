// Opens the folder that the operator named (POSTGATE_DATA_DIR). It makes the folder, private to the server's user, and refuses a
// folder that belongs to another user or holds other files.

import { chmod, chown, mkdir, readdir, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { embeddedFailure } from "./embedded-failure.ts";
import { isLockName } from "./folder-lock.ts";
import { hasErrorCode } from "./has-error-code.ts";
import { listServerUsers, type ServerUser } from "./server-user.ts";

export interface DataDir {
  /** Absolute, without symbolic links. */
  readonly folder: string;
  readonly user: ServerUser | undefined;
}

/** Entries that a new file system has in its root. The folder has them when it is a volume of its own. */
const FOREIGN_ENTRIES = ["lost+found"];

export async function openDataDir(dataDir: string): Promise<DataDir> {
  if (process.platform === "win32")
    throw embeddedFailure("The embedded PostgreSQL does not run on Windows: set DATABASE_URL, or use WSL");
  const users = listServerUsers();
  try {
    await makeFolder(dataDir);
    const folder = await realpath(dataDir);
    const user = await chooseUser(folder, users);
    if (user !== undefined) await chown(folder, user.uid, user.gid);
    await chmod(folder, 0o700);
    return { folder, user };
  } catch (error) {
    if (!hasErrorCode(error, "EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "ENOSPC")) throw error;
    throw embeddedFailure(
      `The embedded PostgreSQL cannot keep its data in ${dataDir} (${error.code ?? ""}): set POSTGATE_DATA_DIR to a folder that can be written, or set DATABASE_URL`,
      error,
    );
  }
}

/** Tells whether Postgate has used this folder before. A folder that cannot be read counts as used: opening it says why it fails. */
export async function isDataDir(dataDir: string): Promise<boolean> {
  try {
    return (await readdir(dataDir)).some(isLockName);
  } catch (error) {
    return !hasErrorCode(error, "ENOENT", "ENOTDIR");
  }
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  // `recursive` makes mkdir accept a folder that exists.
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** Returns the user that the folder belongs to, or the preferred user for a folder that root has just made. */
async function chooseUser(folder: string, users: readonly ServerUser[]): Promise<ServerUser | undefined> {
  const { uid } = await stat(folder);
  const own = process.getuid?.();
  const user = users.find((candidate) => candidate.uid === uid);
  if (user === undefined && uid !== own) throw foreignFolder(folder, uid);
  const entries = (await readdir(folder)).filter((name) => !FOREIGN_ENTRIES.includes(name));
  if (entries.length === 0) return user ?? users[0];
  if (!entries.some(isLockName))
    throw embeddedFailure(
      `${folder} holds other files and no data of Postgate: set POSTGATE_DATA_DIR to a new or empty folder`,
    );
  if (users.length > 0 && user === undefined) throw foreignFolder(folder, uid);
  return user;
}

function foreignFolder(folder: string, uid: number): Error {
  return embeddedFailure(
    `${folder} belongs to the user with id ${uid}, and this process runs as ${process.getuid?.() ?? "another"}: start Postgate as that user, or set POSTGATE_DATA_DIR to another folder`,
  );
}
