// Decides as which user of the operating system PostgreSQL runs, and what that user can reach. PostgreSQL refuses to run
// as root, so as root it gets another user's ids; otherwise it runs as the user of this process.

import { spawnSync } from "node:child_process";
import { embeddedFailure } from "./embedded-failure.ts";

export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Users that root hands the server to, in order of preference. A uid without an entry in passwd would not do. */
const SERVER_USER_NAMES = ["postgres", "nobody"];

/** The users that may run the server, best first; none when this process is not root and the server runs as itself. */
export function listServerUsers(): readonly ServerUser[] {
  if (process.getuid?.() !== 0) return [];
  const users = SERVER_USER_NAMES.map(findUser).filter((user) => user !== undefined);
  if (users.length > 0) return users;
  throw embeddedFailure(
    "PostgreSQL refuses to run as root, and this machine has neither a user postgres nor nobody: run Postgate as an ordinary user, or set DATABASE_URL",
  );
}

/** Whether the server's user can enter a folder, all folders above it included. */
export function canEnter(folder: string, user: ServerUser | undefined): boolean {
  if (user === undefined) return true; // It is this process's own user, and the folder was just made or opened.
  const { status } = spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", folder], { cwd: "/", ...idsOf(user) });
  return status === 0;
}

/** The ids as options of `spawn`; none when the server runs as this process does. */
export function idsOf(user: ServerUser | undefined): { readonly uid?: number; readonly gid?: number } {
  return user === undefined ? {} : { uid: user.uid, gid: user.gid };
}

function findUser(name: string): ServerUser | undefined {
  const [uid, gid] = ["-u", "-g"].map((option) => spawnSync("id", [option, name], { encoding: "utf8" }));
  if (uid?.status !== 0 || gid?.status !== 0) return undefined;
  return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
}
