// Starts the built gateway as a process on a database of the run's cluster, for faults that clients cause.

import { readdirSync } from "node:fs";
import { onTestFinished } from "vitest";
import { createTestDatabase } from "../support/cluster.ts";
import { createToken, serveOn } from "./own-server.ts";

export interface GatewayProcess {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  /** Returns the number of open files and sockets, or 0 where the system does not report it. */
  readonly countHandles: () => number;
}

export async function startGatewayProcess(env: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> {
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  const { host, user, database: name } = database.connection;
  const { gateway, url } = await serveOn(`postgres://${user}@/${name}?host=${encodeURIComponent(host)}`, env);
  return {
    url,
    pid: gateway.pid,
    token: await createToken((sql, params) => database.query(sql, params)),
    countHandles: () => (process.platform === "linux" ? readdirSync(`/proc/${gateway.pid}/fd`).length : 0),
  };
}
