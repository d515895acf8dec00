// Databases for tests, in the clusters that global-setup.ts started.

import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import type { ConnectionSettings } from "../../src/postgres/connection-settings.ts";

export type ClusterVersion = 18 | 15;

export interface TestDatabase {
  readonly connection: ConnectionSettings;
  /** As the superuser, on a connection of this database's own. */
  query(sql: string, params?: unknown[]): Promise<any[]>; // eslint-disable-line @typescript-eslint/no-explicit-any -- tests know their rows
  /** Drops the database, open connections or not. */
  close(): Promise<void>;
}

/** Whether this run has a cluster of the version: 15 is there only where Debian's is installed. */
export function hasCluster(version: ClusterVersion): boolean {
  return inject("clusterSockets")[version] !== undefined;
}

/** The superuser's way into the run's cluster. */
export function clusterConnection(version: ClusterVersion = 18, database = "postgres"): ConnectionSettings {
  const host = inject("clusterSockets")[version];
  if (host === undefined) throw new Error(`This run has no cluster of PostgreSQL ${version}: ask hasCluster() first`);
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

/** An empty new database, for one test file or one test. */
export async function createTestDatabase(version: ClusterVersion = 18): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString("hex")}`;
  await runInCluster(version, `create database ${name}`);
  const connection = clusterConnection(version, name);
  const pool = new pg.Pool({ ...connection, max: 1, password: "" });
  // close() ends the connections of whoever still has some, this one's included.
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

async function runInCluster(version: ClusterVersion, sql: string): Promise<void> {
  const client = new pg.Client({ ...clusterConnection(version), password: "" });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
