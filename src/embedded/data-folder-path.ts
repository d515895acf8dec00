import { embeddedFailure } from "./embedded-failure.ts";
import { canEnter, type ServerUser } from "./server-user.ts";

/**
 * Returns a path by which the server's user can open the data folder. The server must run with this folder as its working folder.
 *
 * When the data folder lies below a folder that the user may not enter (root's home), PostgreSQL cannot open it by its path, and
 * PostgreSQL makes relative paths absolute. Linux's link to the working folder (/proc/self/cwd) works without entering the parents.
 *
 * @throws GatewayError UNAVAILABLE when the user cannot reach the folder and the system has no such link.
 */
export function dataFolderPath(folder: string, user: ServerUser | undefined): string {
  if (canEnter(folder, user)) return folder;
  if (process.platform === "linux") return "/proc/self/cwd";
  throw embeddedFailure(
    `The user ${user?.name ?? "of this process"} cannot reach ${folder}: set POSTGATE_DATA_DIR to a folder outside of private ones`,
  );
}
