// Finds a folder for the server's unix socket whose path the kernel accepts.

import { chown, mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SERVER_PORT } from "./postmaster.ts";
import { canEnter, type ServerUser } from "./server-user.ts";

/** What Linux accepts (107); macOS accepts 103. */
const LONGEST_SOCKET_PATH = 103;

/**
 * A private folder for the socket: the wanted one, or a new short one where the wanted one's path is too long or out of
 * the reach of the server's user.
 */
export async function createSocketFolder(wanted: string, user: ServerUser | undefined): Promise<string> {
  await mkdir(wanted, { recursive: true, mode: 0o700 });
  const folder = fits(wanted) && canEnter(wanted, user) ? wanted : await mkdtemp(join(shortTemporaryFolder(), "pg-"));
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  return folder;
}

/** The system's folder for temporary files, or /tmp where a socket would not fit below it. */
export function shortTemporaryFolder(): string {
  return fits(join(tmpdir(), "postgate-000000-000000")) ? tmpdir() : "/tmp";
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, `.s.PGSQL.${SERVER_PORT}`)) <= LONGEST_SOCKET_PATH;
}
