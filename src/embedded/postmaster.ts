// One running server on a data folder: starts it, waits until it takes connections, stops it. It knows nothing of locks,
// of other processes, or of where the programs come from.

import type { ChildProcess } from "node:child_process";
import { type FileHandle, open } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { dataFolderPath } from "./data-folder-path.ts";
import { embeddedFailure } from "./embedded-failure.ts";
import { readIfThere } from "./read-if-there.ts";
import { LOG_LINE_PREFIX, writeServerLog } from "./server-log.ts";
import type { StoppedServer } from "./single-user-server.ts";
import { spawnServerProgram } from "./spawn-server-program.ts";

export interface PostmasterOptions extends StoppedServer {
  readonly socketFolder: string;
  /** Overwritten at start, so that it cannot grow from run to run. */
  readonly logFile: string;
  readonly settings: Readonly<Record<string, string>>;
  /** How much memory each process of the server may have for itself; undefined for no limit. */
  readonly memoryMb?: number | undefined;
  /** Called when the server has started all its processes again, because one of them crashed. */
  readonly onRestarted?: () => void;
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

/** How long the last lines of a server that has ended may take to be read. */
const LOG_TIMEOUT_MS = 1_000;

export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const { child, logged } = await spawnPostgres(options);
  const { pid } = child;
  if (pid === undefined) throw embeddedFailure(`PostgreSQL could not be started from ${options.binaries.folder}`);
  const exited = new Promise<ServerExit>((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  const postmaster = { pid, exited, stop: () => stopChild(child, exited) };
  try {
    await waitUntilReady(postmaster, options, logged);
    return postmaster;
  } catch (error) {
    await postmaster.stop();
    throw error;
  }
}

interface Spawned {
  readonly child: ChildProcess;
  /** Resolves when the log file has everything that the server printed. */
  readonly logged: Promise<void>;
}

async function spawnPostgres(options: PostmasterOptions): Promise<Spawned> {
  const { binaries, user, dataFolder, memoryMb } = options;
  const log = await openLog(options);
  const path = dataFolderPath(dataFolder, user);
  const settings = {
    ...options.settings,
    listen_addresses: "",
    unix_socket_directories: options.socketFolder,
    unix_socket_permissions: "0700",
    port: String(SERVER_PORT),
    hba_file: join(path, "pg_hba.conf"),
    logging_collector: "off",
    log_destination: "stderr",
    log_line_prefix: LOG_LINE_PREFIX,
    lc_messages: "C",
  };
  const child = spawnServerProgram({
    path: join(binaries.folder, "postgres"),
    args: ["-D", path, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    user,
    cwd: dataFolder,
    deathSignal: "INT",
    memoryMb,
  });
  // A failed spawn shows in the missing pid; without a listener the event would end the process.
  child.on("error", () => undefined);
  child.stdin.destroy();
  // The server must not keep a process alive that is otherwise done.
  child.unref();
  for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref();
  child.stdout.resume(); // PostgreSQL prints nothing there but usage.
  return { child, logged: writeServerLog(child.stderr, log, toRestartListener(options)) };
}

/** The server logs that it is ready when it has started, and again after each crash of a process. */
function toRestartListener({ onRestarted }: PostmasterOptions): (line: string) => void {
  let readyCount = 0;
  return (line) => {
    if (line.endsWith("LOG:  database system is ready to accept connections") && ++readyCount > 1) onRestarted?.();
  };
}

async function openLog({ logFile, user }: PostmasterOptions): Promise<FileHandle> {
  const log = await open(logFile, "w", 0o600);
  // So that the folder can be used by that user itself too.
  if (user !== undefined) await log.chown(user.uid, user.gid);
  return log;
}

/** The server writes its state into the last line of postmaster.pid. */
async function waitUntilReady(
  postmaster: Postmaster,
  options: PostmasterOptions,
  logged: Promise<void>,
): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  const ended = postmaster.exited.then(() => "ended" as const);
  for (;;) {
    const [pid, ...lines] = (await readIfThere(join(options.dataFolder, "postmaster.pid"))).split("\n");
    if (Number(pid) === postmaster.pid && lines[6]?.trim() === "ready") return;
    const state = await Promise.race([ended, delay(START_POLL_MS, "waiting" as const)]);
    if (state === "ended") {
      await Promise.race([logged, delay(LOG_TIMEOUT_MS)]);
      throw embeddedFailure(`PostgreSQL did not start: ${await lastComplaint(options.logFile)}`);
    }
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
