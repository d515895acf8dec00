// Starts one server on a data folder, waits until it accepts connections, and stops it. It knows nothing about locks, about other
// processes, or about where the programs come from.

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
  /** The file is overwritten at start, so that it does not grow from run to run. */
  readonly logFile: string;
  readonly settings: Readonly<Record<string, string>>;
  /** How much memory each process of the server may have for itself; undefined for no limit. */
  readonly memoryMb?: number | undefined;
  /** Called when the server has restarted all its processes because one of them crashed. */
  readonly onRestarted?: () => void;
}

/** How the server ended. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Postmaster {
  readonly pid: number;
  /** Resolves when the server has ended for any reason. Never rejects. */
  readonly exited: Promise<ServerExit>;
  /** Ends the server and resolves when it has ended. The server closes its sessions and rolls back what was not committed. */
  stop(): Promise<void>;
}

/** The port is only a part of the socket's name, because the server listens on no network. */
export const SERVER_PORT = 5432;

const START_TIMEOUT_MS = 120_000;
const START_POLL_MS = 15;
/** After this time the server gets SIGQUIT. It then recovers from its write-ahead log at the next start. */
const STOP_TIMEOUT_MS = 10_000;

/** How long reading the last lines of a server that has ended may take. */
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
  // A missing pid shows a failed spawn. Without a listener, the error event would end this process.
  child.on("error", () => undefined);
  child.stdin.destroy();
  // The server must not keep this process alive when it has nothing else to do.
  child.unref();
  for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref();
  child.stdout.resume(); // PostgreSQL prints only its usage to stdout.
  return { child, logged: writeServerLog(child.stderr, log, toRestartListener(options)) };
}

/** Returns a listener that reports restarts: the server logs that it is ready after its start and again after each crash. */
function toRestartListener({ onRestarted }: PostmasterOptions): (line: string) => void {
  let readyCount = 0;
  return (line) => {
    if (line.endsWith("LOG:  database system is ready to accept connections") && ++readyCount > 1) onRestarted?.();
  };
}

async function openLog({ logFile, user }: PostmasterOptions): Promise<FileHandle> {
  const log = await open(logFile, "w", 0o600);
  // The owner is set so that this user can also start Postgate on the folder.
  if (user !== undefined) await log.chown(user.uid, user.gid);
  return log;
}

/** Waits until the server has written "ready" into the last line of postmaster.pid. */
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

/** Returns the last line of the server's log that reports a failure, with the path of the log. */
async function lastComplaint(logFile: string): Promise<string> {
  const lines = (await readIfThere(logFile)).trim().split("\n");
  const complaint = lines.findLast((line) => /\b(FATAL|PANIC|could not|error)\b/.test(line)) ?? lines.at(-1) ?? "";
  return `${complaint.replace(/^.*?(FATAL|PANIC): +/, "")} (log: ${logFile})`;
}
