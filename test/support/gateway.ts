// Starts a gateway with its own database, and tenants that talk to it over HTTP as clients do.

import type { Config } from "../../src/config/load-config.ts";
import { createGateway, type Gateway } from "../../src/gateway.ts";
import type { Observation } from "../../src/observability/observation.ts";
import { PERMISSIONS, type Permission } from "../../src/base/permissions.ts";
import type { ConnectionSettings } from "../../src/postgres/connection-settings.ts";
import { NO_SEALING_KEYS } from "../../src/tenants/sealing.ts";
import { type ClusterVersion, createTestDatabase, type TestDatabase } from "./cluster.ts";

export interface Answer {
  readonly status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever the gateway answered
  readonly body: any;
  readonly text: string;
  readonly headers: Headers;
}

export interface TestTenant {
  readonly id: string;
  readonly token: string;
  query(sql: string, params?: unknown): Promise<Answer>;
  /** Runs a statement that must succeed, and returns its rows. */
  rows(sql: string, params?: unknown): Promise<Record<string, unknown>[]>;
  /** Returns the same tenant with another token. */
  withPermissions(...permissions: Permission[]): Promise<TestTenant>;
}

export interface TestGateway {
  readonly url: string;
  readonly database: TestDatabase;
  /** DATABASE_URL. */
  readonly operator: ConnectionSettings;
  readonly observations: readonly Observation[];
  readonly admin: TestTenant;
  createTenant(options?: { name?: string; maxRows?: number; permissions?: readonly Permission[] }): Promise<TestTenant>;
  tenantOf(id: string, permissions?: readonly Permission[]): Promise<TestTenant>;
  close(): Promise<void>;
}

export interface TestGatewayOptions {
  readonly version?: ClusterVersion;
  /** A database that the test provides; the default is a new one in the run's cluster. */
  readonly database?: TestDatabase;
  readonly config?: Partial<Config>;
  /** Runs before the gateway starts, on the empty database. */
  readonly prepare?: (database: TestDatabase) => Promise<void>;
  /** The login of DATABASE_URL, which `prepare` made; the default is the superuser. */
  readonly operator?: string;
}

const ADMIN_ID = "00000000-0000-0000-0000-000000000000";

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const database = options.database ?? (await createTestDatabase(options.version));
  let gateway: Gateway | undefined;
  try {
    await options.prepare?.(database);
    const observations: Observation[] = [];
    const operator = { ...database.connection, user: options.operator ?? database.connection.user };
    const config = testConfig(database, { database: { kind: "external", connection: operator }, ...options.config });
    gateway = createGateway(config, (observation) => observations.push(observation));
    const { url } = await gateway.listen();
    return await toTestGateway({ gateway, url, database, operator, observations });
  } catch (error) {
    await gateway?.close();
    await database.close();
    throw error;
  }
}

export function testConfig(database: TestDatabase, changes: Partial<Config> = {}): Config {
  return {
    database: { kind: "external", connection: database.connection },
    tenantConnection: undefined,
    host: "127.0.0.1",
    port: 0,
    maxBodyBytes: 10 * 1024 * 1024,
    maxSqlBytes: 256 * 1024,
    maxResultBytes: 32 * 1024 * 1024,
    queryTimeoutMs: 30_000,
    shutdownTimeoutMs: 10_000,
    opsPort: undefined,
    poolSize: 5,
    workers: 1,
    preparedStatements: true,
    logLevel: "silent",
    logSql: "off",
    skipMigrations: false,
    extensions: [],
    neon: false,
    corsOrigins: [],
    // The tests' dedicated databases are in the run's clusters, which listen on sockets and include the shared server itself.
    dedicatedHosts: ["default", database.connection.host],
    sealingKeys: NO_SEALING_KEYS,
    ...changes,
  };
}

interface Running {
  readonly gateway: Gateway;
  readonly url: string;
  readonly database: TestDatabase;
  readonly operator: ConnectionSettings;
  readonly observations: Observation[];
}

async function toTestGateway({ gateway, url, database, operator, observations }: Running): Promise<TestGateway> {
  let names = 0;
  const tenantOf = async (id: string, permissions: readonly Permission[] = PERMISSIONS): Promise<TestTenant> => {
    const [row] = await database.query("select token from public.create_tenant_token($1, $2, $3)", [
      id,
      `test-${++names}`,
      permissions,
    ]);
    const token = String(row?.token);
    const query = (sql: string, params?: unknown): Promise<Answer> => post(url, token, { sql, params });
    return {
      id,
      token,
      query,
      async rows(sql, params) {
        const answer = await query(sql, params);
        if (answer.status !== 200) throw new Error(`${sql}: ${answer.status} ${answer.text}`);
        return (answer.body as { rows: Record<string, unknown>[] }).rows;
      },
      withPermissions: (...wanted) => tenantOf(id, wanted),
    };
  };
  return {
    url,
    database,
    operator,
    observations,
    admin: await tenantOf(ADMIN_ID),
    tenantOf,
    async createTenant({ name = `tenant ${++names}`, maxRows = 1000, permissions = PERMISSIONS } = {}) {
      const [row] = await database.query("select id from public.create_tenant_database($1, $2)", [name, maxRows]);
      return tenantOf(String(row?.id), permissions);
    },
    async close() {
      await gateway.close();
      await database.close();
    },
  };
}

/** Sends one POST /query as a client does. */
export async function post(
  url: string,
  token: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${url}/query`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, text, body: parse(text), headers: response.headers };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
