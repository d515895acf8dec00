// Provides the embedded PostgreSQL of one data folder. The gateway calls `startEmbedded`. A command calls `openEmbedded`, which uses
// the gateway's PostgreSQL when one runs. This file decides which process owns the folder and in which order the steps happen; the
// other files of this folder do the steps.

import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { embeddedFailure } from "./embedded-failure.ts";
import { type FolderLock, type LockHolder, type LockRole, tryLock } from "./folder-lock.ts";
import { type DataDir, openDataDir } from "./open-data-dir.ts";
import type { ServerExit } from "./postmaster.ts";
import { closeSocketFolder } from "./socket-folder.ts";
import { type ServerOptions, socketPathOf, startServer, toConnection } from "./start-server.ts";
import { findSuperuserPassword, passwordFileOf } from "./superuser-password.ts";

export interface EmbeddedOptions extends ServerOptions {
  readonly dataDir: string;
}

export interface EmbeddedPostgres {
  /** The superuser's connection. */
  readonly connection: ConnectionSettings;
  /** Whether this process started the server, so that `stop` ends it. */
  readonly owned: boolean;
  /** Resolves when an owned server has ended, by itself or by `stop`. It stays pending when the server is not owned. */
  readonly exited: Promise<ServerExit>;
  /** Ends an owned server and gives the folder back; nothing when it is not owned. May be called again. */
  stop(): Promise<void>;
}

const WAIT_POLL_MS = 50;
const WAIT_TIMEOUT_MS = 60_000;

/**
 * Starts PostgreSQL on the folder for as long as this process lives, and makes the folder when needed. It waits until a command that
 * uses the folder has finished. Call it on the main thread, because PostgreSQL ends with the thread.
 *
 * @throws GatewayError UNAVAILABLE with one line for the operator, for example when another server uses the folder.
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
 * Opens the folder's PostgreSQL for one command. It uses the running server, or starts one for the command. Without a running server,
 * commands run one after the other.
 *
 * @throws GatewayError UNAVAILABLE with one line for the operator when PostgreSQL cannot be started or used.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const dir = await openDataDir(resolve(options.dataDir));
  const opened = await waitFor(dir.folder, async () => {
    const found = await tryLock(dir.folder, "command");
    return isHolder(found) && found.role === "server" && found.socketFolder !== undefined
      ? openShared(dir.folder, { pid: found.pid, socketFolder: found.socketFolder })
      : found;
  });
  return "connection" in opened ? opened : startOwned(dir, opened, options);
}

/**
 * Asks again until no other process holds the folder.
 *
 * @throws GatewayError UNAVAILABLE when the folder is still in use after 60 s.
 */
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
    const { postmaster, connection } = await startServer(dir, options);
    await lock.publish(connection.host);
    let stopping: Promise<void> | undefined;
    const stopOwned = async (): Promise<void> => {
      await postmaster.stop();
      await closeSocketFolder(socketPathOf(dir.folder), connection.host);
    };
    return {
      connection,
      owned: true,
      exited: postmaster.exited,
      stop: () => (stopping ??= stopOwned().finally(() => lock.release())),
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

interface OtherServer {
  readonly pid: number;
  readonly socketFolder: string;
}

async function openShared(folder: string, { pid, socketFolder }: OtherServer): Promise<EmbeddedPostgres> {
  const password = await findSuperuserPassword(folder);
  if (password === undefined)
    throw embeddedFailure(
      `The PostgreSQL of ${folder} runs (pid ${pid}), and ${passwordFileOf(folder)} has no password that this user can read: run this as the user who runs Postgate, or stop Postgate and start it again, which makes a new password`,
    );
  return {
    connection: toConnection(socketFolder, password),
    owned: false,
    exited: new Promise(() => undefined),
    stop: () => Promise.resolve(),
  };
}
