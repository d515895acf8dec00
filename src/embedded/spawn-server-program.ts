// Starts a program of PostgreSQL (initdb, postgres) as the server's user. It gets a session of its own, so that Ctrl-C in
// the terminal does not reach it before the gateway has drained; and it dies with this process where the system can do that.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { idsOf, type ServerUser } from "./server-user.ts";

export interface ServerProgram {
  readonly path: string;
  readonly args: readonly string[];
  readonly user: ServerUser | undefined;
  /** Entered before the user changes, so it may be a folder that the user could not walk to. */
  readonly cwd: string;
  /** What the program gets when this process dies, `kill -9` included. */
  readonly deathSignal: "INT" | "KILL";
  /** Where stdout and stderr go. */
  readonly output: number | "pipe";
}

/** Nothing of this process's environment is handed on: it may hold secrets, and PG* variables would steer PostgreSQL. */
const ENVIRONMENT = { LC_ALL: "C", PATH: "/usr/local/bin:/usr/bin:/bin" };

/**
 * The kernel ties the program to the *thread* that calls this: call it on the main thread, whose end is the process's.
 */
export function spawnServerProgram(program: ServerProgram): ChildProcess {
  const [command, ...args] = [...deathSignalPrefix(program.deathSignal), program.path, ...program.args];
  return spawn(command ?? program.path, args, {
    ...idsOf(program.user),
    cwd: program.cwd,
    env: ENVIRONMENT,
    detached: true,
    stdio: ["ignore", program.output, program.output],
  });
}

/**
 * `setpriv` sets the signal after the user has changed, since the kernel forgets it at every change of user, and then
 * becomes the program: the pid stays. Only util-linux's has the option (not macOS, not BusyBox); the next start stops
 * what was left behind there.
 */
function deathSignalPrefix(signal: string): readonly string[] {
  const options = ["--pdeathsig", signal, "--"];
  const { status } = spawnSync("setpriv", [...options, "true"], { env: ENVIRONMENT, stdio: "ignore" });
  return status === 0 ? ["setpriv", ...options] : [];
}
