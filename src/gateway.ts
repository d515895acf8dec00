// The composition root: config → database, logins, pools, caches → a gateway that listens. It alone decides what serves what,
// and ends everything that it started, in the opposite order.

import { createAuthenticator } from "./auth/authenticate.ts";
import { createLastUsedRecorder } from "./auth/last-used-recorder.ts";
import { cachePrincipals } from "./auth/principal-cache.ts";
import { createPrincipalStore, createUseWriter } from "./auth/principal-store.ts";
import { createBackends } from "./backends.ts";
import type { Config } from "./config.ts";
import { startEmbedded } from "./embedded/start-embedded.ts";
import { DedicatedPools } from "./execution/dedicated-pools.ts";
import { Executor } from "./execution/execute.ts";
import { Pool } from "./execution/pool.ts";
import { TypeCatalog } from "./execution/type-catalog.ts";
import { createHttpServer } from "./http/create-http-server.ts";
import { installHelpers } from "./migration/install-helpers.ts";
import { type Installation, migrate } from "./migration/migrate.ts";
import { createLog } from "./observability/log.ts";
import type { Observe } from "./observability/observation.ts";
import { createJudge } from "./policy/create-judge.ts";
import { connect } from "./postgres/connect.ts";
import type { ConnectionSettings } from "./postgres/connection-settings.ts";
import { QueryPool } from "./postgres/query-pool.ts";
import { createQueryPipeline, type QueryStages } from "./query.ts";
import { createParser } from "./sql/parse-statement.ts";
import { provisionTenant } from "./tenants/provision-tenant.ts";

export interface Gateway {
  /** Makes the database ready and listens; gives the URL. To be called once. */
  listen(): Promise<{ readonly url: string }>;
  /** Accepts nothing new, lets what runs come to its end, and ends everything that `listen` started. */
  close(): Promise<void>;
}

/** How long running statements may take to end when the gateway closes. */
const SHUTDOWN_DEADLINE_MS = 10_000;
/** Beside the pool of tenants: look-ups of tokens and types, and the admin database's statements. */
const CONTROL_CONNECTIONS = 3;
const CONTROL_TIMEOUT_MS = 5_000;
const ADMIN_CONNECTIONS = 2;

type Closer = () => Promise<void>;

export function createGateway(config: Config, observe: Observe = createLog({ level: config.logLevel })): Gateway {
  const closers: Closer[] = [];
  let starting: Promise<{ readonly url: string }> | undefined;
  let closing: Promise<void> | undefined;

  async function closeAll(): Promise<void> {
    await starting?.catch(() => undefined); // Whoever called listen() is told.
    for (const close of closers.splice(0).reverse()) await close();
  }

  return {
    listen: () => (starting ??= start({ config, observe, onClose: (closer) => closers.push(closer) })),
    close: () => (closing ??= closeAll()),
  };
}

interface Start {
  readonly config: Config;
  readonly observe: Observe;
  readonly onClose: (closer: Closer) => void;
}

async function start({ config, observe, onClose }: Start): Promise<{ readonly url: string }> {
  for (const message of config.warnings ?? []) observe({ kind: "warning", message });
  const operator = await openDatabase({ config, observe, onClose });
  const installation = await install(operator, config, observe);

  const control = new QueryPool({
    connection: installation.auth,
    maxConnections: CONTROL_CONNECTIONS,
    timeoutMs: CONTROL_TIMEOUT_MS,
  });
  onClose(() => control.close());
  const lastUsed = createLastUsedRecorder({ write: createUseWriter(control.query), observe });
  onClose(() => lastUsed.close());

  const server = createHttpServer({
    authenticate: createAuthenticator(cachePrincipals(createPrincipalStore(control.query)), lastUsed),
    runQuery: createQueryPipeline({
      approve: createApproval(config, onClose),
      execute: createExecution({ config, operator, installation, control, onClose }),
    }),
    observe,
    maxBodyBytes: config.maxBodyBytes,
  });
  onClose(() => server.close(SHUTDOWN_DEADLINE_MS));
  const url = await server.listen(config.host, config.port);
  observe({ kind: "listening", url });
  return { url };
}

async function openDatabase({ config, observe, onClose }: Start): Promise<ConnectionSettings> {
  if (config.database.kind === "external") return config.database.connection;
  const embedded = await startEmbedded({ dataDir: config.database.dataDir });
  let isStopping = false;
  onClose(() => {
    isStopping = true;
    return embedded.stop();
  });
  void embedded.exited.then((exit) => {
    if (!isStopping)
      observe({
        kind: "background-failure",
        task: "running the embedded PostgreSQL",
        cause: new Error(JSON.stringify(exit)),
      });
  });
  return embedded.connection;
}

async function install(operator: ConnectionSettings, config: Config, observe: Observe): Promise<Installation> {
  const { skipMigrations, tenantConnection } = config;
  const installation = await migrate(operator, { skipMigrations, tenantLogin: tenantConnection });
  if (installation.applied.length > 0) observe({ kind: "migrated", applied: installation.applied });
  for (const { tenant, cause } of installation.failures)
    observe({ kind: "background-failure", task: `making database ${tenant.id} ready`, cause });
  return installation;
}

function createApproval({ maxSqlBytes }: Config, onClose: Start["onClose"]): QueryStages["approve"] {
  const parser = createParser({ maxSqlBytes });
  onClose(() => parser.close());
  const judge = createJudge({ parse: parser.parse });
  return (sql, { permissions, tenant }) => {
    const kind = tenant.backend.kind === "admin" ? "admin" : "tenant";
    return judge.approve(sql, { kind, permissions, tenant: tenant.id });
  };
}

interface Execution extends Pick<Start, "config" | "onClose"> {
  readonly operator: ConnectionSettings;
  readonly installation: Installation;
  readonly control: QueryPool;
}

function createExecution({ config, operator, installation, control, onClose }: Execution): QueryStages["execute"] {
  const { roles, auth, exec } = installation;
  const types = new TypeCatalog((text, values) => control.query({ name: "find_types", text }, values));
  const openPool = (connection: ConnectionSettings, maxConnections: number): Executor => {
    const pool = new Pool({ connection, maxConnections });
    onClose(() => pool.close(SHUTDOWN_DEADLINE_MS));
    return new Executor(pool, types);
  };
  const dedicated = new DedicatedPools({ installHelpers });
  onClose(() => dedicated.close(SHUTDOWN_DEADLINE_MS));
  return createBackends({
    roles,
    shared: openPool(exec, config.poolSize),
    admin: openPool(auth, ADMIN_CONNECTIONS),
    dedicated,
    provision: async (tenant) => {
      const client = await connect(operator, { applicationName: "postgate provisioning" });
      try {
        await provisionTenant(client, roles, tenant);
      } finally {
        await client.end();
      }
    },
    limits: { timeoutMs: config.queryTimeoutMs, maxBytes: config.maxResultBytes },
  });
}
