import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";

/** Matches `NAME=value`. A value between quotes may have several lines. */
const ASSIGNMENT =
  /^[ \t]*(?:export[ \t]+)?[\w.-]+[ \t]*=[ \t]*(?:"[^"]*"|'[^']*'|`[^`]*`|[^"'`\r\n][^\r\n]*)?[ \t]*(?:#[^\r\n]*)?\r?$/gm;

/**
 * Returns the variables of the file `.env` in the folder, or none when there is no such file.
 *
 * @throws Error when the file cannot be read, or when a line is neither NAME=value nor a comment nor empty.
 */
export function readEnvFile(folder: string): Readonly<Record<string, string | undefined>> {
  const content = readText(join(folder, ".env"));
  if (content === undefined) return {};
  const broken = findBrokenLine(content);
  if (broken !== undefined) throw new Error(`.env, line ${broken}: must be NAME=value`); // The message omits the line, which may be a secret.
  return parseEnv(content);
}

function readText(path: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    const reason = code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "it is not UTF-8 text" : (cause as Error).message;
    throw new Error(`.env cannot be read: ${reason}`, { cause });
  }
}

/** Returns the number of the first line that Node's parser would skip. Without this check, a lost setting would go unnoticed. */
function findBrokenLine(content: string): number | undefined {
  const rest = content.replace(ASSIGNMENT, (assignment) => "\n".repeat(assignment.split("\n").length - 1));
  const index = rest.split("\n").findIndex((line) => !/^\s*(?:#.*)?$/.test(line));
  return index < 0 ? undefined : index + 1;
}
