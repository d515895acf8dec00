// Writes what a server prints into its log file, without what tenants could put there.

import { writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { hasErrorCode } from "./has-error-code.ts";

/** The server's setting by which its log lines are recognised: the time in UTC and the process's id. */
export const LOG_LINE_PREFIX = "%m [%p] ";
const LOG_LINE = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{3} \S+ \[\d+\] /;

/**
 * Resolves when `output` has ended and the file has all of it.
 *
 * @param onLine is told each line that the file gets.
 * Once PostgreSQL has begun to log, only its log lines are kept. A process that is refused memory prints, past the log, a list
 * of all memory that it has: hundreds of lines, with the beginnings of tenants' statements, as often as a tenant likes.
 */
export async function writeServerLog(
  output: Readable,
  log: FileHandle,
  onLine: (line: string) => void = () => undefined,
): Promise<void> {
  let isLogging = false;
  const lines = createInterface({ input: output });
  lines.on("line", (line) => {
    const isLogLine = LOG_LINE.test(line);
    isLogging ||= isLogLine;
    if (isLogging && !isLogLine && !line.startsWith("\t")) return; // A tab continues a log line.
    append(log.fd, line);
    onLine(line);
  });
  await once(lines, "close");
  await log.close();
}

/** Writes at once, so that a line that was printed before the server ended is in the file when the end is noticed. */
function append(file: number, line: string): void {
  try {
    writeSync(file, `${line}\n`);
  } catch (error) {
    if (!hasErrorCode(error, "ENOSPC", "EDQUOT")) throw error; // On a full disk a line of the log is lost, and nothing else.
  }
}
