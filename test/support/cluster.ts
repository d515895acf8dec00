// Makes databases for tests, in the clusters that global-setup.ts started and in those that a test started with use-cluster.ts.

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { inject } from "vitest";
import type { ConnectionSettings } from "../../src/postgres/connection-settings.ts";

export type ClusterVersion = 14 | 15 | 16 | 17 | 18;

export interface TestDatabase {
  readonly connection: ConnectionSettings;
  /** Runs a statement as the superuser, on a connection of this database's own. */
  query(sql: string, params?: unknown[]): Promise<any[]>; // eslint-disable-line @typescript-eslint/no-explicit-any -- tests know their rows
  /** Drops the database, even when connections are open. */
  close(): Promise<void>;
}

const startedHere = new Map<ClusterVersion, string>();

/** A cluster that this test file started. */
export function rememberCluster(version: ClusterVersion, socketFolder: string): void {
  startedHere.set(version, socketFolder);
}

export function forgetCluster(version: ClusterVersion): void {
  startedHere.delete(version);
}

export function isRunning(version: ClusterVersion): boolean {
  return socketFolderOf(version) !== undefined;
}

/** Tells whether this run has or can start a cluster of the version. PostgreSQL 15 exists only where Debian's is installed. */
export function hasCluster(version: ClusterVersion): boolean {
  if (isRunning(version) || packageFolderOf(version) !== undefined) return true;
  console.warn(`PostgreSQL ${version} is not installed here: its tests are skipped`);
  return false;
}

/** Returns the npm package of a version that only tests use, if it is installed. */
export function packageFolderOf(version: ClusterVersion): string | undefined {
  const folder = join(import.meta.dirname, "postgres-versions", "node_modules", `postgresql-${version}`);
  return existsSync(join(folder, "native", "bin", "postgres")) ? folder : undefined;
}

/** Returns the superuser's connection to the run's cluster. */
export function clusterConnection(version: ClusterVersion = 18, database = "postgres"): ConnectionSettings {
  const host = socketFolderOf(version);
  if (host === undefined) throw new Error(`There is no cluster of PostgreSQL ${version}: call useCluster() first`);
  return {
    host,
    port: 5432,
    user: "postgres",
    password: undefined,
    database,
    sslMode: "disable",
    sslRootCert: undefined,
  };
}

/**
 * Creates an empty database for one test file or one test. PUBLIC may not connect to it, so that the logins of other test files
 * are no reason for Postgate to leave it unlocked.
 */
export async function createTestDatabase(version: ClusterVersion = 18): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString("hex")}`;
  await runInCluster(version, `create database ${name}`);
  await runInCluster(version, `revoke connect on database ${name} from public`);
  const connection = clusterConnection(version, name);
  const pool = new pg.Pool({ ...connection, max: 1, password: "" });
  // close() ends all open connections, including this one.
  pool.on("error", () => undefined);
  return {
    connection,
    query: async (sql, params) => (await pool.query<Record<string, unknown>>(sql, params)).rows,
    close: async () => {
      await pool.end();
      await runInCluster(version, `drop database ${name} with (force)`);
    },
  };
}

/** Lets every login of the cluster connect, as PostgreSQL does with a new database. */
export async function openToEverybody(database: TestDatabase): Promise<void> {
  await database.query(`grant connect on database ${database.connection.database} to public`);
}

function socketFolderOf(version: ClusterVersion): string | undefined {
  return version === 18 || version === 15 ? inject("clusterSockets")[version] : startedHere.get(version);
}

async function runInCluster(version: ClusterVersion, sql: string): Promise<void> {
  const client = new pg.Client({ ...clusterConnection(version), password: "" });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
