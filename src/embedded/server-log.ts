// Writes a server's output into its log file, but leaves out lines that a tenant could cause.

import { writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { hasErrorCode } from "./has-error-code.ts";

/** The server's log_line_prefix, the time in UTC and the process id. It makes the log lines recognisable. */
export const LOG_LINE_PREFIX = "%m [%p] ";
const LOG_LINE = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{3} \S+ \[\d+\] /;

/**
 * Writes `output` into the file, and resolves when the output has ended and the file is complete.
 *
 * Once PostgreSQL has begun to log, only its log lines are kept. A process that cannot get memory prints, outside of the log, a list of
 * all memory that it has. The list has hundreds of lines with the beginnings of tenants' statements, and a tenant can cause it at will.
 *
 * @param onLine receives each line that the file gets
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

/** Writes synchronously, so that every line printed before the server ended is in the file when the end is noticed. */
function append(file: number, line: string): void {
  try {
    writeSync(file, `${line}\n`);
  } catch (error) {
    if (!hasErrorCode(error, "ENOSPC", "EDQUOT")) throw error; // On a full disk only the line is lost.
  }
}
