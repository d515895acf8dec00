// Starts a program of PostgreSQL (initdb, postgres) as the server's user. The program gets its own session, so that Ctrl-C in the
// terminal does not reach it before the gateway has drained. It ends with this process where the system supports that.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { idsOf, type ServerUser } from "./server-user.ts";

export interface ServerProgram {
  readonly path: string;
  readonly args: readonly string[];
  readonly user: ServerUser | undefined;
  /** The working folder. It is entered before the user changes, so the user need not be able to reach it by its path. */
  readonly cwd: string;
  /** The signal that the program gets when this process ends, even by `kill -9`. */
  readonly deathSignal: "INT" | "KILL";
  /** How much memory the program, and each process that it forks, may have for itself; undefined for no limit. */
  readonly memoryMb?: number | undefined;
}

/** The program gets only these variables, because this process's own may hold secrets and PG* variables would steer PostgreSQL. */
const ENVIRONMENT = { LC_ALL: "C", PATH: "/usr/local/bin:/usr/bin:/bin" };

/**
 * Starts the program. Call it on the main thread: the kernel sends the death signal when the calling *thread* ends, and the main
 * thread ends with the process.
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
  /** Everything that the program wrote to stdout and stderr. */
  readonly output: string;
}

/** Runs a program to its end, with `input` as its standard input. */
export async function runServerProgram(program: ServerProgram, input = ""): Promise<ProgramEnd> {
  const child = spawnServerProgram(program);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stdin.on("error", () => undefined); // A program that ends early does not read its input, and its status tells why.
  child.stdin.end(input);
  const [status] = (await once(child, "close")) as [number | null];
  return { status, output };
}

/**
 * Returns the command words that set the death signal. `setpriv` sets the signal after the change of user, because the kernel forgets
 * it at every such change. `setpriv` then becomes the program, so the pid stays. Only util-linux's `setpriv` has the option; macOS and
 * BusyBox lack it. There, the next start stops a server that was left behind.
 */
function deathSignalPrefix(signal: string): readonly string[] {
  const options = ["--pdeathsig", signal, "--"];
  const { status } = spawnSync("setpriv", [...options, "true"], { env: ENVIRONMENT, stdio: "ignore" });
  return status === 0 ? ["setpriv", ...options] : [];
}

/**
 * Sets the soft limit, which can be lifted for a single process. A subshell tries it first, because a shell may end when `ulimit`
 * fails. It fails where an administrator has set a lower limit, and that limit then stays.
 */
const LIMIT_MEMORY = '(ulimit -S -d "$0") && ulimit -S -d "$0"; exec "$@"';

/**
 * Returns the command words that set the memory limit. Linux counts the private writable memory of a process and not the memory that
 * PostgreSQL's processes share, so the limit holds for each process alone. Every POSIX shell of Linux can set it, BusyBox's too, while
 * `prlimit` may be missing. macOS counts whole address spaces, which would keep PostgreSQL from starting.
 */
function memoryLimitPrefix(memoryMb: number | undefined): readonly string[] {
  if (memoryMb === undefined || process.platform !== "linux") return [];
  return ["/bin/sh", "-c", LIMIT_MEMORY, String(memoryMb * 1024)];
}
