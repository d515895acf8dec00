// Clears away what a killed run may have left on a data folder: a server that still runs is stopped, and files that name a pid
// which is another process's by now are made harmless. For the owner of the folder's lock only.

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

/** Sessions of a server that was killed see it soon, but not at once; until then PostgreSQL does not start. */
const OLD_SESSIONS_TIMEOUT_MS = 10_000;

/** Runs a server's start, again while sessions of a killed server are still there. */
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

/** Stops a server that a killed run left on the folder, and makes its files harmless. */
export async function stopLeftover(dataFolder: string): Promise<void> {
  const pidFile = join(dataFolder, "postmaster.pid");
  const lines = (await readIfThere(pidFile)).split("\n");
  // Negative for a server in single-user mode. One that still runs ends by itself, and PostgreSQL does not start before.
  const pid = Number(lines[0]);
  const socketFolder = lines[4];
  if (!Number.isSafeInteger(pid) || pid === 0) return;
  const isRunning = (): Promise<boolean> => isServer(pid, socketFolder);
  if (pid > 0 && (await isRunning())) await stopProcess(pid, isRunning);
  await forgetPid(pidFile, pid);
  if (socketFolder !== undefined && socketFolder !== "") await removeSocket(socketFolder);
}

/** A server's command line, as postmaster.ts starts it, names its socket's folder, and no other server's does. */
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
    if (!hasErrorCode(error, "ESRCH")) throw error; // Ended in between.
  }
}

/**
 * PostgreSQL refuses to start while the file's pid is alive, whoever's it is. The file is not removed, since with it goes
 * the check that no session of the old server still runs; but its parent's pid PostgreSQL does not take for a server.
 */
async function forgetPid(pidFile: string, pid: number): Promise<void> {
  const text = await readIfThere(pidFile);
  if (text === "") return; // The stopped server has removed it.
  await writeFile(pidFile, text.replace(String(pid), String(process.pid)));
}

async function removeSocket(folder: string): Promise<void> {
  const socket = join(folder, `.s.PGSQL.${SERVER_PORT}`);
  await Promise.all([rm(socket, { force: true }), rm(`${socket}.lock`, { force: true })]);
}
