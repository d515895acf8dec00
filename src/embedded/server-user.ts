// Decides as which user of the operating system PostgreSQL runs, and tests which folders that user can reach. PostgreSQL refuses to
// run as root. When this process is root, PostgreSQL gets another user's ids; otherwise it runs as the user of this process.

import { spawnSync } from "node:child_process";
import { embeddedFailure } from "./embedded-failure.ts";

export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The users as which root starts the server, in order of preference. PostgreSQL needs a user that has an entry in passwd. */
const SERVER_USER_NAMES = ["postgres", "nobody"];

/**
 * Returns the users that may run the server, the preferred one first. Returns none when this process is not root, because the server
 * then runs as the user of this process.
 *
 * @throws GatewayError UNAVAILABLE when this process is root and the machine has neither user.
 */
export function listServerUsers(): readonly ServerUser[] {
  if (process.getuid?.() !== 0) return [];
  const users = SERVER_USER_NAMES.map(findUser).filter((user) => user !== undefined);
  if (users.length > 0) return users;
  throw embeddedFailure(
    "PostgreSQL refuses to run as root, and this machine has neither a user postgres nor nobody: run Postgate as an ordinary user, or set DATABASE_URL",
  );
}

/** Tells whether the server's user can enter a folder and all folders above it. */
export function canEnter(folder: string, user: ServerUser | undefined): boolean {
  if (user === undefined) return true; // The user is this process's own, which has just made or opened the folder.
  const { status } = spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", folder], { cwd: "/", ...idsOf(user) });
  return status === 0;
}

/** Returns the ids as options for `spawn`, or no options when the server runs as the user of this process. */
export function idsOf(user: ServerUser | undefined): { readonly uid?: number; readonly gid?: number } {
  return user === undefined ? {} : { uid: user.uid, gid: user.gid };
}

function findUser(name: string): ServerUser | undefined {
  const [uid, gid] = ["-u", "-g"].map((option) => spawnSync("id", [option, name], { encoding: "utf8" }));
  if (uid?.status !== 0 || gid?.status !== 0) return undefined;
  return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
}
