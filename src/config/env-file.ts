import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";

/** `NAME=value` on one line, or on several between quotes. */
const ASSIGNMENT =
  /^[ \t]*(?:export[ \t]+)?[\w.-]+[ \t]*=[ \t]*(?:"[^"]*"|'[^']*'|`[^`]*`|[^"'`\r\n][^\r\n]*)?[ \t]*(?:#[^\r\n]*)?\r?$/gm;

/**
 * The variables of the file `.env` in the folder; none when there is no such file.
 *
 * @throws Error when the file cannot be read or has a line that is none of NAME=value, a comment and an empty one.
 */
export function readEnvFile(folder: string): Readonly<Record<string, string | undefined>> {
  const content = readText(join(folder, ".env"));
  if (content === undefined) return {};
  const broken = findBrokenLine(content);
  if (broken !== undefined) throw new Error(`.env, line ${broken}: must be NAME=value`); // The line may be a secret.
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

/** The parser of the platform skips what it does not understand: a lost setting would go unnoticed. */
function findBrokenLine(content: string): number | undefined {
  const rest = content.replace(ASSIGNMENT, (assignment) => "\n".repeat(assignment.split("\n").length - 1));
  const index = rest.split("\n").findIndex((line) => !/^\s*(?:#.*)?$/.test(line));
  return index < 0 ? undefined : index + 1;
}
