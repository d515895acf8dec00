// Clears away what a killed run may have left on a data folder. It stops a server that still runs, and makes files harmless that name
// a pid which may now belong to another process. Only the owner of the folder's lock may call it.

import { spawnSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { embeddedFailure } from "./embedded-failure.ts";
import { hasErrorCode } from "./has-error-code.ts";
import { SERVER_PORT } from "./postmaster.ts";
import { readIfThere } from "./read-if-there.ts";

const POLL_MS = 20;
const SIGNALS = [
  { signal: "SIGINT", patienceMs: 10_000 },
  { signal: "SIGQUIT", patienceMs: 10_000 },
] as const;

/** Sessions of a killed server notice its end soon, but not at once. PostgreSQL does not start until they have ended. */
const OLD_SESSIONS_TIMEOUT_MS = 10_000;

/** Starts a server, and tries again while sessions of a killed server still run. */
export async function onceSessionsAreGone<T>(start: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + OLD_SESSIONS_TIMEOUT_MS;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (!String(error).includes("pre-existing shared memory block") || performance.now() > deadline) throw error;
      await delay(POLL_MS);
    }
  }
}

/** Stops a server that a killed run left on the folder, and makes its pid file and socket harmless. */
export async function stopLeftover(dataFolder: string): Promise<void> {
  const pidFile = join(dataFolder, "postmaster.pid");
  const lines = (await readIfThere(pidFile)).split("\n");
  // The pid is negative for a server in single-user mode. Such a server ends by itself, and PostgreSQL does not start before that.
  const pid = Number(lines[0]);
  const socketFolder = lines[4];
  if (!Number.isSafeInteger(pid) || pid === 0) return;
  const isRunning = (): Promise<boolean> => isServer(pid, socketFolder);
  if (pid > 0 && (await isRunning())) await stopProcess(pid, isRunning);
  await forgetPid(pidFile, pid);
  if (socketFolder !== undefined && socketFolder !== "") await removeSocket(socketFolder);
}

/** Tells whether the pid is this folder's server. postmaster.ts puts the socket folder, which is unique, on the command line. */
async function isServer(pid: number, socketFolder: string | undefined): Promise<boolean> {
  const [program = "", ...args] = await readCommandLine(pid);
  return basename(program) === "postgres" && args.includes(`unix_socket_directories=${socketFolder ?? ""}`);
}

async function readCommandLine(pid: number): Promise<readonly string[]> {
  if (process.platform === "linux") return (await readIfThere(`/proc/${pid}/cmdline`)).split("\0");
  const { stdout } = spawnSync("ps", ["-ww", "-o", "args=", "-p", String(pid)], { encoding: "utf8" });
  return stdout.trim().split(/ (?=-[cD] |[a-z_]+=)/);
}

async function stopProcess(pid: number, isRunning: () => Promise<boolean>): Promise<void> {
  for (const { signal, patienceMs } of SIGNALS) {
    sendSignal(pid, signal);
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      if (!(await isRunning())) return;
      await delay(POLL_MS);
    }
  }
  throw embeddedFailure(`PostgreSQL of an earlier run (pid ${pid}) does not stop: end it, then start again`);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasErrorCode(error, "ESRCH")) throw error; // The process has ended in the meantime.
  }
}

/**
 * Writes this process's pid into postmaster.pid. PostgreSQL refuses to start while any process has the pid in that file, but it
 * accepts the pid of its own parent. The file is not removed, because PostgreSQL also uses it to check that no session of the old
 * server still runs.
 */
async function forgetPid(pidFile: string, pid: number): Promise<void> {
  const text = await readIfThere(pidFile);
  if (text === "") return; // The stopped server has removed the file.
  await writeFile(pidFile, text.replace(String(pid), String(process.pid)));
}

async function removeSocket(folder: string): Promise<void> {
  const socket = join(folder, `.s.PGSQL.${SERVER_PORT}`);
  await Promise.all([rm(socket, { force: true }), rm(`${socket}.lock`, { force: true })]);
}
