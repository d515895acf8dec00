// Makes data folders for tests of the embedded PostgreSQL.

import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { findPackageFolder } from "../../../src/embedded/find-binaries.ts";
import { listServerUsers } from "../../../src/embedded/server-user.ts";
import { type EmbeddedPostgres, startEmbedded } from "../../../src/embedded/start-embedded.ts";

export const isRoot = process.getuid?.() === 0;
export const isLinux = process.platform === "linux";
export const packageFolder = findPackageFolder() ?? "";
export const serverUser = listServerUsers()[0];

/** A user that is neither root nor the one as which root starts the server. */
export const NOBODY = { uid: 65_534, gid: 65_534 };

let prepared = "";

/** Makes the data once for a test file that uses `copyDataDir`. Call it at the top of the file. */
export function prepareDataDir(): void {
  beforeAll(async () => {
    prepared = await mkdtemp(join(tmpdir(), "postgate-prepared-"));
    await chmod(prepared, 0o755);
    await (await startEmbedded({ dataDir: join(prepared, ".postgate") })).stop();
  });
  afterAll(() => rm(prepared, { recursive: true, force: true }));
}

/** Returns a copy of a data folder as a clean stop leaves it. */
export async function copyDataDir(): Promise<string> {
  const parent = await makeFolder();
  execFileSync("cp", ["-a", join(prepared, ".postgate"), parent]);
  return join(parent, ".postgate");
}

/** Makes an empty folder for one test, which is removed after the test. */
export async function makeFolder(mode = 0o755): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "postgate-embedded-"));
  await chmod(folder, mode);
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

export async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const embedded = await startEmbedded({ dataDir });
  onTestFinished(() => embedded.stop());
  return embedded;
}

export async function query(embedded: EmbeddedPostgres, text: string): Promise<unknown[][]> {
  const client = new pg.Client(embedded.connection);
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}

/** Returns the pid of the server on a data folder, which any process may have started. */
export async function readServerPid(dataDir: string): Promise<number> {
  return Number((await readFile(join(dataDir, "data", "postmaster.pid"), "utf8")).split("\n")[0]);
}
