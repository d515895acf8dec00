import { readFile } from "node:fs/promises";
import { hasErrorCode } from "./has-error-code.ts";

/** The text of a file, and of none the empty text. A process that ends while its file in /proc is read counts as none. */
export async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ESRCH")) return "";
    throw error;
  }
}
