// Starts a PostgreSQL for one test, which the test may kill, and the built gateway in front of it, both as processes.

import { chown, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { onTestFinished } from "vitest";
import type { ServerBinaries } from "../../src/embedded/find-binaries.ts";
import { initDataFolder } from "../../src/embedded/init-data-folder.ts";
import { type Postmaster, startPostmaster } from "../../src/embedded/postmaster.ts";
import { prepareBinaries } from "../../src/embedded/prepare-binaries.ts";
import { listServerUsers } from "../../src/embedded/server-user.ts";
import { temporaryFolderFor } from "../../src/embedded/socket-folder.ts";
import { makeFolder } from "../integration/embedded/data-dirs.ts";
import { type CliProcess, startCli } from "../support/cli.ts";
import { trustEverybody } from "../support/trust-everybody.ts";

/** These settings are durable against `kill -9` of a process; a power cut is not tested. */
const SETTINGS = { fsync: "off", shared_buffers: "16MB", max_connections: "60" };

export interface OwnServer {
  readonly url: string;
  readonly folder: string;
  readonly dataFolder: string;
  readonly binaries: ServerBinaries;
  readonly query: (sql: string, params?: unknown[]) => Promise<any[]>; // eslint-disable-line @typescript-eslint/no-explicit-any -- tests know their rows
  /** Opens a connection of the superuser, which the caller must end. */
  connect(): Promise<pg.Client>;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/**
 * Starts a server that ends with the test.
 *
 * @param prepare makes the data folder, by default a new one
 */
export async function startOwnServer(prepare?: (dataFolder: string) => Promise<void>): Promise<OwnServer> {
  const user = listServerUsers()[0];
  const folder = await mkdtemp(join(temporaryFolderFor(user), "postgate-fault-"));
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const binaries = await prepareBinaries({ user, folder, majorVersion: undefined });
  const dataFolder = join(folder, "data");
  if (prepare === undefined) {
    await initDataFolder({ binaries, user, dataFolder, sync: false });
    await trustEverybody(dataFolder, user);
  } else await prepare(dataFolder);
  const startIt = (): Promise<Postmaster> =>
    startPostmaster({
      binaries,
      user,
      dataFolder,
      socketFolder: dataFolder,
      logFile: join(folder, "log"),
      settings: SETTINGS,
    });
  let postmaster = await startIt();
  onTestFinished(async () => {
    await postmaster.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({
      host: dataFolder,
      port: 5432,
      user: "postgres",
      database: "postgres",
      password: "",
    });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  };
  return {
    url: `postgres://postgres@/postgres?host=${encodeURIComponent(dataFolder)}`,
    folder,
    dataFolder,
    binaries,
    connect,
    async query(sql, params) {
      const client = await connect();
      try {
        return (await client.query<Record<string, unknown>>(sql, params)).rows;
      } finally {
        await client.end();
      }
    },
    async kill() {
      process.kill(postmaster.pid, "SIGKILL");
      await postmaster.exited;
    },
    async start() {
      for (;;) {
        try {
          postmaster = await startIt();
          return;
        } catch (error) {
          // Some of the killed server's children still run: "pre-existing shared memory block is still in use".
          if (!String(error).includes("shared memory")) throw error;
        }
      }
    },
  };
}

export interface Serving {
  readonly gateway: CliProcess;
  readonly url: string;
}

export async function serveOn(databaseUrl: string, env: Readonly<Record<string, string>> = {}): Promise<Serving> {
  const gateway = startCli([], {
    cwd: await makeFolder(),
    env: { DATABASE_URL: databaseUrl, POSTGATE_PORT: "0", POSTGATE_LOG_LEVEL: "info", ...env },
  });
  const [, url = ""] = await gateway.until("stderr", /"url":"(http:\/\/[^"/]+)","msg":"listening"/);
  return { gateway, url };
}

/** Creates a tenant and returns its token. */
export async function createToken(query: OwnServer["query"], name = "shop"): Promise<string> {
  const [row] = await query(
    "select t.token from create_tenant_database($1) d, lateral create_tenant_token(d.id, 'all', '{SELECT,INSERT,UPDATE,DELETE,CREATE,ALTER,DROP}') t",
    [name],
  );
  return String(row.token);
}
