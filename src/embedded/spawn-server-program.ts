// Starts a program of PostgreSQL (initdb, postgres) as the server's user. The program gets a session of its own, so that Ctrl-C
// in the terminal does not reach it before the gateway has drained; and it dies with this process where the system can do that.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { idsOf, type ServerUser } from "./server-user.ts";

export interface ServerProgram {
  readonly path: string;
  readonly args: readonly string[];
  readonly user: ServerUser | undefined;
  /** Entered before the user changes, so it may be a folder that the user could not walk to. */
  readonly cwd: string;
  /** What the program gets when this process dies, `kill -9` included. */
  readonly deathSignal: "INT" | "KILL";
  /** How much memory the program, and each process that it forks, may have for itself; undefined for no limit. */
  readonly memoryMb?: number | undefined;
}

/** Nothing of this process's environment is handed on: it may hold secrets, and PG* variables would steer PostgreSQL. */
const ENVIRONMENT = { LC_ALL: "C", PATH: "/usr/local/bin:/usr/bin:/bin" };

/**
 * The kernel ties the program to the *thread* that calls this: call it on the main thread, whose end is the process's.
 */
export function spawnServerProgram(program: ServerProgram): ChildProcessWithoutNullStreams {
  const prefix = [...deathSignalPrefix(program.deathSignal), ...memoryLimitPrefix(program.memoryMb)];
  const [command, ...args] = [...prefix, program.path, ...program.args];
  return spawn(command ?? program.path, args, {
    ...idsOf(program.user),
    cwd: program.cwd,
    env: ENVIRONMENT,
    detached: true,
  });
}

export interface ProgramEnd {
  /** The exit code; null when a signal ended the program. */
  readonly status: number | null;
  /** Everything that the program wrote. */
  readonly output: string;
}

/** Runs a program to its end, with `input` as its standard input. */
export async function runServerProgram(program: ServerProgram, input = ""): Promise<ProgramEnd> {
  const child = spawnServerProgram(program);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stdin.on("error", () => undefined); // A program that ends early does not read its input; its status tells why.
  child.stdin.end(input);
  const [status] = (await once(child, "close")) as [number | null];
  return { status, output };
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

/**
 * Sets the soft limit, which can be lifted for a single process. The shell tries it first: its own process would end where an
 * administrator has set a lower one, which then stays.
 */
const LIMIT_MEMORY = '(ulimit -S -d "$0") && ulimit -S -d "$0"; exec "$@"';

/**
 * Linux counts what a process has for itself (its private memory that can be written) and not what PostgreSQL's processes
 * share, so the limit holds for each process alone. Every POSIX shell of Linux sets it, BusyBox's too; `prlimit` may be
 * missing. macOS counts whole address spaces, which would keep PostgreSQL from starting.
 */
function memoryLimitPrefix(memoryMb: number | undefined): readonly string[] {
  if (memoryMb === undefined || process.platform !== "linux") return [];
  return ["/bin/sh", "-c", LIMIT_MEMORY, String(memoryMb * 1024)];
}
