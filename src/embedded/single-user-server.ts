// Runs PostgreSQL's single-user mode on a data folder on which no server runs. A server in this mode accepts no connections and
// requires no password. It has no memory limit, so it can also recover a folder that a limited server could not.

import { open } from "node:fs/promises";
import { join } from "node:path";
import { dataFolderPath } from "./data-folder-path.ts";
import { embeddedFailure } from "./embedded-failure.ts";
import type { ServerBinaries } from "./find-binaries.ts";
import type { ServerUser } from "./server-user.ts";
import { runServerProgram } from "./spawn-server-program.ts";

export interface StoppedServer {
  readonly binaries: ServerBinaries;
  readonly user: ServerUser | undefined;
  readonly dataFolder: string;
}

/** With these settings the first error ends the run, and no statement is logged. */
const SETTINGS = { exit_on_error: "on", log_statement: "none", log_min_error_statement: "panic" };

/**
 * Recovers the data folder when its server was killed, and then runs the statements.
 *
 * @param statements SQL statements of one line each
 * @throws GatewayError UNAVAILABLE with PostgreSQL's reason when recovery or a statement fails.
 */
export async function runSingleUser(server: StoppedServer, statements: readonly string[]): Promise<void> {
  const { binaries, user, dataFolder } = server;
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const program = {
    path: join(binaries.folder, "postgres"),
    args: ["--single", "-D", dataFolderPath(dataFolder, user), ...settings, "postgres"],
    user,
    cwd: dataFolder,
    deathSignal: "KILL",
  } as const;
  const { status, output } = await runServerProgram(program, `${statements.join("\n")}\n`);
  if (status === 0) return;
  const reason = /(?:FATAL|PANIC|ERROR): +(.*)/.exec(output)?.[1] ?? output.trim().split("\n").at(-1);
  throw embeddedFailure(`PostgreSQL could not prepare ${dataFolder}: ${reason ?? "no output"}`);
}

/** The offset of the server's state in `global/pg_control`, and the state after a clean stop: the same in PostgreSQL 14 to 18. */
const STATE_OFFSET = 16;
const SHUT_DOWN = 1;

/** Tells whether the last server on the folder was stopped cleanly, so that nothing has to be recovered. */
export async function wasStoppedInOrder(dataFolder: string): Promise<boolean> {
  const handle = await open(join(dataFolder, "global", "pg_control"));
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, STATE_OFFSET);
    return buffer.readInt32LE() === SHUT_DOWN;
  } finally {
    await handle.close();
  }
}
