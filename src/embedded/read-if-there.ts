import { readFile } from "node:fs/promises";
import { hasErrorCode } from "./has-error-code.ts";

/**
 * Returns the text of a file, or an empty text when there is no such file. A file in /proc whose process ends during the read counts
 * as absent.
 */
export async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ESRCH")) return "";
    throw error;
  }
}
