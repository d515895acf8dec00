// Keeps the password of the embedded server's superuser in a file beside the data folder. Only the user who runs Postgate can
// read the file, so commands beside a running server can log in, and PostgreSQL's own user cannot read it where Postgate is
// run by root.

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { hasErrorCode } from "./has-error-code.ts";
import { replaceFile } from "./replace-file.ts";

/** The file of the password, in the folder that POSTGATE_DATA_DIR names. */
export function passwordFileOf(folder: string): string {
  return join(folder, "superuser-password");
}

/** Undefined where there is no password in the file, or where this process's user may not read the file. */
export async function findSuperuserPassword(folder: string): Promise<string | undefined> {
  try {
    const password = (await readFile(passwordFileOf(folder), "utf8")).trim();
    return password === "" ? undefined : password;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "EACCES")) return undefined;
    throw error;
  }
}

/** Makes a new password and writes it into the file. PostgreSQL does not know it yet. */
export async function createSuperuserPassword(folder: string): Promise<string> {
  const password = randomBytes(32).toString("hex");
  await replaceFile(passwordFileOf(folder), `${password}\n`);
  return password;
}
