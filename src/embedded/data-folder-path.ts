import { embeddedFailure } from "./embedded-failure.ts";
import { canEnter, type ServerUser } from "./server-user.ts";

/**
 * The name of a data folder by which the server's user can open it, for a server whose working folder it is.
 *
 * Below a folder that the user may not walk through (root's home), PostgreSQL could not open its data by path, and it
 * makes relative paths absolute. Linux's link to the working folder leads there without a walk.
 */
export function dataFolderPath(folder: string, user: ServerUser | undefined): string {
  if (canEnter(folder, user)) return folder;
  if (process.platform === "linux") return "/proc/self/cwd";
  throw embeddedFailure(
    `The user ${user?.name ?? "of this process"} cannot reach ${folder}: set POSTGATE_DATA_DIR to a folder outside of private ones`,
  );
}
