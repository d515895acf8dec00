// Starts the PostgreSQL of a data folder. It makes the data when there is none, recovers what a killed run left, ensures that a
// password is required, and starts the server. The caller owns the folder's lock.

import { rename } from "node:fs/promises";
import { join } from "node:path";
import { connect, ConnectionError } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { exemptCheckpointer } from "./exempt-checkpointer.ts";
import { hasErrorCode } from "./has-error-code.ts";
import { findDataVersion, initDataFolder, SUPERUSER } from "./init-data-folder.ts";
import { onceSessionsAreGone, stopLeftover } from "./leftovers.ts";
import { defaultMemoryMb, maintenanceMemoryMb } from "./memory-limit.ts";
import type { DataDir } from "./open-data-dir.ts";
import { type Postmaster, type PostmasterOptions, SERVER_PORT, startPostmaster } from "./postmaster.ts";
import { prepareBinaries } from "./prepare-binaries.ts";
import { renewPassword, requirePassword } from "./require-password.ts";
import type { ServerUser } from "./server-user.ts";
import { runSingleUser, type StoppedServer, wasStoppedInOrder } from "./single-user-server.ts";
import { openSocketFolder } from "./socket-folder.ts";

export interface ServerOptions {
  /** The folder of the npm package with PostgreSQL; the default is the installed one. */
  readonly packageFolder?: string | undefined;
  /** How much memory each process of the server may have for itself; the default depends on the machine's memory. */
  readonly memoryMb?: number | undefined;
}

export interface RunningServer {
  readonly postmaster: Postmaster;
  /** The superuser's connection. */
  readonly connection: ConnectionSettings;
}

/** Returns the path of the socket's folder, or of a link to it. */
export function socketPathOf(folder: string): string {
  return join(folder, "socket");
}

export function toConnection(socketFolder: string, password: string): ConnectionSettings {
  return {
    host: socketFolder,
    port: SERVER_PORT,
    user: SUPERUSER,
    password,
    database: "postgres",
    sslMode: "disable",
    sslRootCert: undefined,
  };
}

export async function startServer({ folder, user }: DataDir, options: ServerOptions): Promise<RunningServer> {
  const dataFolder = join(folder, "data");
  const majorVersion = await findDataVersion(dataFolder);
  const binaries = await prepareBinaries({ user, folder, majorVersion, packageFolder: options.packageFolder });
  const stopped: StoppedServer = { binaries, user, dataFolder };
  if (majorVersion === undefined) await initDataFolder({ ...stopped, sync: true });
  await stopLeftover(dataFolder);
  const password = await onceSessionsAreGone(() => prepareStopped(folder, stopped));
  const socketFolder = await openSocketFolder(socketPathOf(folder), user);
  const logFile = join(folder, "server.log");
  await keepPreviousLog(logFile);
  const start = async (secret: string): Promise<RunningServer> => {
    const connection = toConnection(socketFolder, secret);
    const onRestarted = (): void => void prepareRunning(connection, user);
    const settings = toSettings(options);
    const postmaster = await startPostmaster({ ...stopped, ...settings, socketFolder, logFile, onRestarted });
    return { postmaster, connection };
  };
  const running = await onceSessionsAreGone(() => start(password));
  if (await prepareRunning(running.connection, user)) return running;
  await running.postmaster.stop();
  const renewed = await start(await renewPassword(folder, stopped));
  await prepareRunning(renewed.connection, user);
  return renewed;
}

/** Recovers the folder if needed, and returns the superuser's password. */
async function prepareStopped(folder: string, stopped: StoppedServer): Promise<string> {
  const password = await requirePassword(folder, stopped);
  // Recovery keeps a list of all files that it touched. The memory limit for statements could make it fail at every start.
  if (!(await wasStoppedInOrder(stopped.dataFolder))) await runSingleUser(stopped, []);
  return password;
}

const WRONG_PASSWORD = "28P01";

/**
 * Lifts the checkpointer's memory limit. Returns false when the server rejects the password of the file, as after only a part of the
 * folder was copied from elsewhere.
 */
async function prepareRunning(connection: ConnectionSettings, user: ServerUser | undefined): Promise<boolean> {
  try {
    const client = await connect(connection, { applicationName: "postgate start" });
    await exemptCheckpointer(client, user).finally(() => client.end());
    return true;
  } catch (error) {
    // The next connection reports any other failure.
    return !(error instanceof ConnectionError && error.sqlstate === WRONG_PASSWORD);
  }
}

function toSettings({ memoryMb = defaultMemoryMb() }: ServerOptions): Pick<PostmasterOptions, "settings" | "memoryMb"> {
  return { settings: { ...SETTINGS, maintenance_work_mem: `${maintenanceMemoryMb(memoryMb)}MB` }, memoryMb };
}

/**
 * These settings are durable, use little memory and keep tenants' data out of the log. Errors of statements are not logged, because
 * ERROR ranks below LOG.
 */
const SETTINGS = {
  max_connections: "100",
  /** The server has room for 102,400 locks, so that a tenant with thousands of partitions and indexes leaves some for others. */
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

async function keepPreviousLog(logFile: string): Promise<void> {
  try {
    await rename(logFile, `${logFile}.previous`);
  } catch (error) {
    if (!hasErrorCode(error, "ENOENT")) throw error;
  }
}
