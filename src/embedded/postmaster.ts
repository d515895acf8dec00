// One running server on a data folder: starts it, waits until it takes connections, stops it. It knows nothing of locks,
// of other processes, or of where the programs come from.

import type { ChildProcess } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { dataFolderPath } from "./data-folder-path.ts";
import { embeddedFailure } from "./embedded-failure.ts";
import type { ServerBinaries } from "./find-binaries.ts";
import { readIfThere } from "./read-if-there.ts";
import type { ServerUser } from "./server-user.ts";
import { spawnServerProgram } from "./spawn-server-program.ts";

export interface PostmasterOptions {
  readonly binaries: ServerBinaries;
  readonly user: ServerUser | undefined;
  readonly dataFolder: string;
  readonly socketFolder: string;
  /** Overwritten at start, so that it cannot grow from run to run. */
  readonly logFile: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** How the server ended. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Postmaster {
  readonly pid: number;
  /** Resolves when the server has ended, whoever ended it. Never rejects. */
  readonly exited: Promise<ServerExit>;
  /** Ends the server; resolves when it has ended. Sessions are closed, what was not committed is rolled back. */
  stop(): Promise<void>;
}

/** Only a part of the socket's name: the server listens on no network. */
export const SERVER_PORT = 5432;

const START_TIMEOUT_MS = 120_000;
const START_POLL_MS = 15;
/** After this the server gets SIGQUIT, and recovers from its log at the next start. */
const STOP_TIMEOUT_MS = 10_000;

export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const child = await spawnPostgres(options);
  const { pid } = child;
  if (pid === undefined) throw embeddedFailure(`PostgreSQL could not be started from ${options.binaries.folder}`);
  const exited = new Promise<ServerExit>((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  const postmaster = { pid, exited, stop: () => stopChild(child, exited) };
  try {
    await waitUntilReady(postmaster, options);
    return postmaster;
  } catch (error) {
    await postmaster.stop();
    throw error;
  }
}

async function spawnPostgres(options: PostmasterOptions): Promise<ChildProcess> {
  const { binaries, user, dataFolder } = options;
  const settings = {
    ...options.settings,
    listen_addresses: "",
    unix_socket_directories: options.socketFolder,
    unix_socket_permissions: "0700",
    port: String(SERVER_PORT),
  };
  const log = await open(options.logFile, "w", 0o600);
  try {
    // So that the folder can be used by that user itself too.
    if (user !== undefined) await log.chown(user.uid, user.gid);
    const child = spawnServerProgram({
      path: join(binaries.folder, "postgres"),
      args: [
        ...["-D", dataFolderPath(dataFolder, user)],
        ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ],
      user,
      cwd: dataFolder,
      deathSignal: "INT",
      output: log.fd,
    });
    // A failed spawn shows in the missing pid; without a listener the event would end the process.
    child.on("error", () => undefined);
    // The server must not keep a process alive that is otherwise done.
    child.unref();
    return child;
  } finally {
    await log.close();
  }
}

/** The server writes its state into the last line of postmaster.pid. */
async function waitUntilReady(postmaster: Postmaster, options: PostmasterOptions): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  const ended = postmaster.exited.then(() => "ended" as const);
  for (;;) {
    const [pid, ...lines] = (await readIfThere(join(options.dataFolder, "postmaster.pid"))).split("\n");
    if (Number(pid) === postmaster.pid && lines[6]?.trim() === "ready") return;
    const state = await Promise.race([ended, delay(START_POLL_MS, "waiting" as const)]);
    if (state === "ended") throw embeddedFailure(`PostgreSQL did not start: ${await lastComplaint(options.logFile)}`);
    if (performance.now() > deadline)
      throw embeddedFailure(
        `PostgreSQL was not ready after ${START_TIMEOUT_MS / 1000} s: ${await lastComplaint(options.logFile)}`,
      );
  }
}

async function stopChild(child: ChildProcess, exited: Promise<ServerExit>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGQUIT"), STOP_TIMEOUT_MS);
  await exited.finally(() => clearTimeout(timer));
}

/** The last line of the server's log that says what went wrong, with where to read on. */
async function lastComplaint(logFile: string): Promise<string> {
  const lines = (await readIfThere(logFile)).trim().split("\n");
  const complaint = lines.findLast((line) => /\b(FATAL|PANIC|could not|error)\b/.test(line)) ?? lines.at(-1) ?? "";
  return `${complaint.replace(/^.*?(FATAL|PANIC): +/, "")} (log: ${logFile})`;
}
