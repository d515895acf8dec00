// Keeps the password of the embedded server's superuser in a file beside the data folder. Only the user who runs Postgate can read
// the file, so that user's commands can log in to a running server. When root runs Postgate, PostgreSQL's own user cannot read it.

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { hasErrorCode } from "./has-error-code.ts";
import { replaceFile } from "./replace-file.ts";

/** Returns the path of the password file, which lies in the folder that POSTGATE_DATA_DIR names. */
export function passwordFileOf(folder: string): string {
  return join(folder, "superuser-password");
}

/** Returns the password, or undefined when the file is absent or empty, or when this process's user may not read it. */
export async function findSuperuserPassword(folder: string): Promise<string | undefined> {
  try {
    const password = (await readFile(passwordFileOf(folder), "utf8")).trim();
    return password === "" ? undefined : password;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "EACCES")) return undefined;
    throw error;
  }
}

/** Makes a new password and writes it into the file. The caller must still set it in PostgreSQL. */
export async function createSuperuserPassword(folder: string): Promise<string> {
  const password = randomBytes(32).toString("hex");
  await replaceFile(passwordFileOf(folder), `${password}\n`);
  return password;
}
