// The embedded PostgreSQL of one data folder: `startEmbedded` for the server, `openEmbedded` for a command, which uses the
// server's PostgreSQL where there is one. It decides who owns the folder and in which order things happen; the other
// files here do them.

import { rename } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { embeddedFailure } from "./embedded-failure.ts";
import { type FolderLock, type LockHolder, type LockRole, tryLock } from "./folder-lock.ts";
import { hasErrorCode } from "./has-error-code.ts";
import { findDataVersion, initDataFolder, SUPERUSER } from "./init-data-folder.ts";
import { type DataDir, openDataDir } from "./open-data-dir.ts";
import { type Postmaster, SERVER_PORT, type ServerExit } from "./postmaster.ts";
import { prepareBinaries } from "./prepare-binaries.ts";
import { closeSocketFolder, openSocketFolder } from "./socket-folder.ts";
import { startOnLeftovers } from "./start-on-leftovers.ts";

export interface EmbeddedOptions {
  readonly dataDir: string;
  /** The npm package with PostgreSQL; default the installed one. */
  readonly packageFolder?: string;
}

export interface EmbeddedPostgres {
  /** The superuser's. */
  readonly connection: ConnectionSettings;
  /** Whether this process started the server, so that `stop` ends it. */
  readonly owned: boolean;
  /** Resolves when an owned server has ended, by itself or by `stop`. Stays pending when it is not owned. */
  readonly exited: Promise<ServerExit>;
  /** Ends an owned server and gives the folder back; nothing when it is not owned. May be called again. */
  stop(): Promise<void>;
}

const SOCKET = "socket";
const WAIT_POLL_MS = 50;
const WAIT_TIMEOUT_MS = 60_000;

/** Durable, modest, and with nothing of a tenant in the log: errors of statements (ERROR ranks below LOG) stay out. */
const SETTINGS = {
  max_connections: "100",
  /** Room for 102,400 locks: a tenant with thousands of partitions and indexes leaves some for others. */
  max_locks_per_transaction: "1024",
  shared_buffers: "128MB",
  password_encryption: "scram-sha-256",
  log_min_messages: "log",
  log_min_error_statement: "panic",
  log_statement: "none",
  log_checkpoints: "off",
  log_autovacuum_min_duration: "-1",
  log_timezone: "UTC",
  timezone: "UTC",
};

/**
 * Starts PostgreSQL on the folder, which it makes when needed, for as long as this process lives. Waits for a command
 * that uses the folder to finish. Call it on the main thread: PostgreSQL ends with the thread.
 *
 * @throws GatewayError UNAVAILABLE with one line for the operator, e.g. when another server has the folder.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const dir = await openDataDir(resolve(options.dataDir));
  const lock = await waitFor(dir.folder, async () => {
    const found = await tryLock(dir.folder, "server");
    if (!isHolder(found)) return found;
    if (found.role === "command") return found;
    throw embeddedFailure(
      `Postgate already runs on ${dir.folder} (pid ${found.pid}): stop it, or set POSTGATE_DATA_DIR to another folder`,
    );
  });
  return startOwned(dir, lock, options);
}

/**
 * PostgreSQL of the folder for the length of one command: the running server's, or one that is started for it. Commands
 * on a stopped server run one after the other.
 *
 * @throws GatewayError UNAVAILABLE with one line for the operator.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const dir = await openDataDir(resolve(options.dataDir));
  const opened = await waitFor(dir.folder, async () => {
    const found = await tryLock(dir.folder, "command");
    return isHolder(found) && found.role === "server" && found.socketFolder !== undefined
      ? toShared(found.socketFolder)
      : found;
  });
  return "connection" in opened ? opened : startOwned(dir, opened, options);
}

/** Asks again until somebody who is in the way has finished. */
async function waitFor<T extends object>(folder: string, ask: () => Promise<T | LockHolder>): Promise<T> {
  const deadline = performance.now() + WAIT_TIMEOUT_MS;
  for (;;) {
    const answer = await ask();
    if (!isHolder(answer)) return answer;
    if (performance.now() > deadline)
      throw embeddedFailure(`${folder} is in use by a ${describe(answer.role)} (pid ${answer.pid}): try again later`);
    await delay(WAIT_POLL_MS);
  }
}

function isHolder(value: object): value is LockHolder {
  return "role" in value;
}

function describe(role: LockRole): string {
  return role === "server" ? "Postgate that is starting" : "command";
}

async function startOwned(dir: DataDir, lock: FolderLock, options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  try {
    const { postmaster, socketFolder } = await startServer(dir, options);
    await lock.publish(socketFolder);
    let stopping: Promise<void> | undefined;
    const stopOwned = async (): Promise<void> => {
      await postmaster.stop();
      await closeSocketFolder(join(dir.folder, SOCKET), socketFolder);
    };
    return {
      connection: toConnection(socketFolder),
      owned: true,
      exited: postmaster.exited,
      stop: () => (stopping ??= stopOwned().finally(() => lock.release())),
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function startServer(
  { folder, user }: DataDir,
  { packageFolder }: EmbeddedOptions,
): Promise<{ readonly postmaster: Postmaster; readonly socketFolder: string }> {
  const dataFolder = join(folder, "data");
  const majorVersion = await findDataVersion(dataFolder);
  const binaries = await prepareBinaries({ user, folder, majorVersion, packageFolder });
  if (majorVersion === undefined) await initDataFolder({ binaries, user, dataFolder, sync: true });
  const socketFolder = await openSocketFolder(join(folder, SOCKET), user);
  const logFile = join(folder, "server.log");
  await keepPreviousLog(logFile);
  const postmaster = await startOnLeftovers({ binaries, user, dataFolder, socketFolder, logFile, settings: SETTINGS });
  return { postmaster, socketFolder };
}

async function keepPreviousLog(logFile: string): Promise<void> {
  try {
    await rename(logFile, `${logFile}.previous`);
  } catch (error) {
    if (!hasErrorCode(error, "ENOENT")) throw error;
  }
}

function toShared(socketFolder: string): EmbeddedPostgres {
  return {
    connection: toConnection(socketFolder),
    owned: false,
    exited: new Promise(() => undefined),
    stop: () => Promise.resolve(),
  };
}

function toConnection(socketFolder: string): ConnectionSettings {
  return {
    host: socketFolder,
    port: SERVER_PORT,
    user: SUPERUSER,
    password: undefined,
    database: "postgres",
    sslMode: "disable",
    sslRootCert: undefined,
  };
}
