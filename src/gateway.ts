// The composition root: it makes the database, logins, pools and caches from the configuration, and a gateway that listens. Only this
// file decides which part uses which. It closes everything that it started, in the opposite order.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Slices } from "./base/slices.ts";
import { createAuthenticator } from "./auth/authenticate.ts";
import { createLastUsedRecorder, type LastUsedRecorder } from "./auth/last-used-recorder.ts";
import { cachePrincipals } from "./auth/principal-cache.ts";
import { createRightsChanges } from "./auth/rights-changes.ts";
import { createPrincipalStore, createUseWriter } from "./auth/principal-store.ts";
import type { Authenticate } from "./auth/principal.ts";
import { createBackends } from "./execution/backends.ts";
import type { Config } from "./config/load-config.ts";
import { createGuards, type DedicatedGuards } from "./dedicated/create-guards.ts";
import { describeRefused, findRefused } from "./dedicated/find-refused.ts";
import { startEmbedded } from "./embedded/start-embedded.ts";
import { DedicatedPools } from "./execution/pool/dedicated-pools.ts";
import { Executor } from "./execution/execute.ts";
import { Pool } from "./execution/pool/pool.ts";
import { createSharedTypes } from "./execution/results/type-look-ups.ts";
import { createHttpServer } from "./http/server.ts";
import { controlNameOf, limitConnections } from "./migration/connection-limit.ts";
import { describeDangers } from "./migration/find-dangers.ts";
import { EXTENSIONS_SCHEMA } from "./migration/install-extensions.ts";
import { installHelpers } from "./migration/install-helpers.ts";
import { describeLockdown } from "./migration/lockdown.ts";
import { type Installation, migrate } from "./migration/migrate.ts";
import { MigrationError } from "./migration/migration-error.ts";
import { createLog } from "./observability/log.ts";
import type { Observe } from "./observability/observation.ts";
import { reportSeldom } from "./observability/report-seldom.ts";
import { withSqlLog } from "./observability/sql-log.ts";
import { openOperations, type Operations } from "./observability/operations.ts";
import { createJudge } from "./policy/create-judge.ts";
import { connect, ConnectionError } from "./postgres/connect.ts";
import type { ConnectionSettings } from "./postgres/connection-settings.ts";
import { createBackendFinder } from "./postgres/find-backends.ts";
import { QueryPool } from "./postgres/query-pool.ts";
import { createProvisioner } from "./tenants/provisioner.ts";
import { createQueryPipeline, type QueryStages } from "./query.ts";

export interface Listening {
  readonly url: string;
  /** Resolves to the reason when the gateway cannot go on, because its embedded PostgreSQL has ended by itself. */
  readonly broken: Promise<Error>;
}

export interface Gateway {
  /** Makes the database ready and listens. A further call returns the promise of the first. */
  listen(): Promise<Listening>;
  /**
   * Accepts no new requests, lets running queries finish for at most `shutdownTimeoutMs`, and closes everything that `listen`
   * started or is starting.
   */
  close(): Promise<void>;
}

/** Connections of the pool's size that are kept for look-ups of tokens. */
const CONTROL_CONNECTIONS = 2;
/** Connections of the pool's size that are kept for the admin database's statements. All others are for tenants' statements. */
const ADMIN_CONNECTIONS = 1;
/** Share of a pool's maximum that the pool keeps open beside the connections in use. */
const SPARE_SHARE = 0.25;
const CONTROL_TIMEOUT_MS = 5_000;
/** Succeeds if tokens can be looked up, which every request needs. */
const PING = { name: "ping", text: "select from public.postgate_tokens limit 1" } as const;

type Closer = () => Promise<void>;

export function createGateway(config: Config, observe: Observe = createLog({ level: config.logLevel })): Gateway {
  const closers: Closer[] = [];
  const stop = new AbortController();
  let starting: Promise<Listening> | undefined;
  let closing: Promise<void> | undefined;

  /** Reports a failed close. The failure must not keep the other parts from being closed. */
  function reportFailure(cause: unknown): void {
    observe({ kind: "background-failure", task: "closing the gateway", cause });
  }

  async function closeAll(): Promise<void> {
    stop.abort(new Error("The gateway was closed while it started"));
    await starting?.catch(() => undefined); // The caller of listen() gets the error.
    for (const close of closers.splice(0).reverse()) await close().catch(reportFailure);
  }

  return {
    listen: () =>
      (starting ??= start({
        config,
        observe,
        signal: stop.signal,
        onClose: (closer) => closers.push(closer),
        slices: new Slices(),
      })),
    close: () => (closing ??= closeAll()),
  };
}

interface Start {
  readonly config: Config;
  readonly observe: Observe;
  /** Aborts when the gateway is closed: a start that has not finished is then broken off. */
  readonly signal: AbortSignal;
  readonly onClose: (closer: Closer) => void;
  /** Runs the long work of all requests in slices. */
  readonly slices: Slices;
}

async function start(options: Start): Promise<Listening> {
  const { config, onClose, signal, slices } = options;
  const operations = await openOperations(options);
  const { observe } = operations;
  for (const message of config.warnings ?? []) observe({ kind: "warning", message });
  const { operator, broken } = await openDatabase(options);
  const installation = await install(operator, { ...options, observe });
  const guards = createGuards(operator, config.dedicatedHosts);
  const control = await openLogins(operator, installation, { ...options, observe });
  const lastUsed = createLastUsedRecorder({ write: createUseWriter(control.query), observe });
  onClose(() => lastUsed.close());

  const pipeline = createQueryPipeline({
    approve: operations.timed("judge", createApproval({ config, installation, operations, onClose })),
    maxSqlBytes: config.maxSqlBytes,
    maxResultBytes: config.maxResultBytes,
    execute: operations.timed(
      "execute",
      createExecution({ config, operator, installation, guards, operations, onClose, slices }),
    ),
  });
  const server = createHttpServer({
    authenticate: operations.timed("authenticate", createAuthentication({ config, control, lastUsed, operations })),
    runQuery: withSqlLog(pipeline, config.logSql, observe),
    observe,
    slices,
    ...httpSettingsOf(config),
  });
  onClose(() => server.close(config.shutdownTimeoutMs));
  onClose(() => operations.stopping());
  signal.throwIfAborted();
  const url = await server.listen(config.host, config.port);
  operations.serving(() => control.query(PING, []));
  observe({ kind: "listening", url });
  warnOfRefused(operator, guards, { ...options, observe });
  return { url, broken };
}

/** Warns of dedicated databases that are refused. It runs while the gateway serves, because looking up many host names takes long. */
function warnOfRefused(
  operator: ConnectionSettings,
  guards: DedicatedGuards,
  { config, observe, onClose, signal }: Start,
): void {
  const list = async (): Promise<void> => {
    const refused = await findRefused({ operator, guards, keys: config.sealingKeys, signal });
    const message = describeRefused(guards.elements, refused);
    if (message !== undefined) observe({ kind: "warning", message });
  };
  const listed = list().catch((cause: unknown) => {
    if (!signal.aborted) observe({ kind: "background-failure", task: "listing dedicated databases", cause });
  });
  onClose(() => listed);
}

function httpSettingsOf({ maxBodyBytes, neon, corsOrigins }: Config) {
  return { maxBodyBytes, neon, corsOrigins };
}

interface Authentication {
  readonly config: Config;
  readonly control: QueryPool;
  readonly lastUsed: LastUsedRecorder;
  readonly operations: Operations;
}

function createAuthentication({ config, control, lastUsed, operations }: Authentication): Authenticate {
  const areChangesRecorded = !config.skipMigrations; // An operator's own tables and views do not have our triggers.
  const store = createPrincipalStore(control.query, { keys: config.sealingKeys, areChangesRecorded });
  const load = operations.timed("look-up", store);
  const findChanges = areChangesRecorded ? createRightsChanges(control.query) : undefined;
  const principals = cachePrincipals({ load, findChanges });
  operations.watchCache("principals", principals.usage);
  operations.watchPool("control", () => control.usage);
  return createAuthenticator(principals.load, lastUsed);
}

interface Database {
  readonly operator: ConnectionSettings;
  readonly broken: Promise<Error>;
}

async function openDatabase({ config: { database }, onClose, signal }: Start): Promise<Database> {
  if (database.kind === "external") return { operator: database.connection, broken: new Promise(() => undefined) };
  const embedded = await startEmbedded(database);
  onClose(() => embedded.stop());
  // The embedded PostgreSQL is not restarted here. The supervisor of this process restarts both, and PostgreSQL then recovers.
  const broken = embedded.exited.then(
    ({ code, signal: killedBy }) =>
      new Error(
        `the embedded PostgreSQL of ${database.dataDir} has ended by itself (${killedBy ?? `exit code ${code}`}): start Postgate again; ${join(database.dataDir, "server.log")} may say why`,
      ),
  );
  signal.throwIfAborted();
  return { operator: embedded.connection, broken };
}

async function install(operator: ConnectionSettings, { config, observe, signal }: Start): Promise<Installation> {
  const { skipMigrations, extensions, tenantConnection } = config;
  const installation = await migrate(operator, { skipMigrations, extensions, tenantLogin: tenantConnection, signal });
  if (installation.applied.length > 0) observe({ kind: "migrated", applied: installation.applied });
  for (const { tenant, cause } of installation.failures)
    observe({ kind: "background-failure", task: `making database ${tenant.id} ready`, cause });
  requireIsolation(installation, observe);
  return installation;
}

/** Returns the pool of the login that looks tokens up, once both logins are known to work. */
async function openLogins(
  operator: ConnectionSettings,
  installation: Installation,
  { config, observe, onClose, signal }: Start,
): Promise<QueryPool> {
  await requireLogin(installation.auth, signal);
  const control = openControl(installation, config);
  onClose(() => control.close());
  await limitTenantsLogin(operator, { installation, control, config, observe });
  await requireLogin(installation.exec, signal);
  return control;
}

/** Checks at the start that the server accepts a login. Otherwise each request would be answered 503. */
async function requireLogin(login: ConnectionSettings, signal: AbortSignal): Promise<void> {
  const client = await connect(login, { signal }).catch((cause: unknown) => {
    if (!(cause instanceof ConnectionError)) throw cause;
    throw new Error(`${cause.message}: pg_hba.conf must let this login in with its password (scram-sha-256)`, {
      cause,
    });
  });
  await client.end();
}

function openControl({ auth }: Installation, config: Config): QueryPool {
  return new QueryPool({
    connection: auth,
    maxConnections: CONTROL_CONNECTIONS,
    timeoutMs: CONTROL_TIMEOUT_MS,
    applicationName: controlNameOf(randomBytes(4).toString("hex"), tenantConnectionsOf(config)),
  });
}

interface TenantsLogin {
  readonly installation: Installation;
  readonly control: QueryPool;
  readonly config: Config;
  readonly observe: Observe;
}

/**
 * Limits the connections of the tenants' login, so that other programs find room on the server. A login that the operator
 * created is left to the operator.
 */
async function limitTenantsLogin(
  operator: ConnectionSettings,
  { installation: { auth, exec }, control, config, observe }: TenantsLogin,
): Promise<void> {
  if (config.tenantConnection !== undefined) return;
  await control.query(PING, []); // The session's name now tells other processes the size of this pool.
  const pools = { exec: exec.user, auth: auth.user, ownConnections: tenantConnectionsOf(config) };
  await limitConnections(operator, pools).catch((cause: unknown) => {
    observe({ kind: "background-failure", task: "limiting the connections of the tenants' login", cause });
  });
}

/** Returns the size of the pool for tenants' statements in the shared database. */
function tenantConnectionsOf({ poolSize }: Config): number {
  return Math.max(1, poolSize - CONTROL_CONNECTIONS - ADMIN_CONNECTIONS);
}

/**
 * Warns the operator of a wall between tenants that is weaker than it could be.
 *
 * @throws MigrationError when tenants' statements would run with rights beyond their schemas: no tenant is served then.
 */
function requireIsolation({ dangers, lockdown }: Installation, observe: Observe): void {
  const danger = describeDangers(dangers);
  if (danger !== undefined) throw new MigrationError(danger);
  const warning = describeLockdown(lockdown);
  if (warning !== undefined) observe({ kind: "warning", message: warning });
}

interface Approval extends Pick<Start, "config" | "onClose"> {
  readonly installation: Installation;
  readonly operations: Operations;
}

function createApproval({ config, installation, operations, onClose }: Approval): QueryStages["approve"] {
  const judge = createJudge({ maxSqlBytes: config.maxSqlBytes, extensions: installation.extensions });
  onClose(() => judge.close());
  operations.watchCache("verdicts", judge.usage);
  return (sql, { permissions, tenant }) => {
    const kind = tenant.backend.kind === "admin" ? "admin" : "tenant";
    return judge.approve(sql, { kind, permissions, tenant: tenant.id });
  };
}

interface Execution extends Approval, Pick<Start, "slices"> {
  readonly operator: ConnectionSettings;
  readonly guards: DedicatedGuards;
}

function createExecution({
  config,
  operator,
  installation,
  guards,
  operations,
  onClose,
  slices,
}: Execution): QueryStages["execute"] {
  const { roles, auth, exec, lockBound } = installation;
  const ownsSessions = config.preparedStatements;
  const types = createSharedTypes(auth, { onClose, watchPool: operations.watchPool });
  const openPool = (name: string, connection: ConnectionSettings, maxConnections: number): Executor => {
    const onOpenFailed = reportSeldom(operations.observe, `opening a connection more of the pool "${name}"`);
    const pool = new Pool({
      ...{ connection, maxConnections, ownsSessions, onOpenFailed },
      spareConnections: Math.ceil(maxConnections * SPARE_SHARE),
      // Behind a pooler, the gateway does not know the process ids of its backends.
      findBackends: ownsSessions ? createBackendFinder(operator, connection.user) : undefined,
      onFindFailed: reportSeldom(operations.observe, `asking for the cut backends of the pool "${name}"`),
    });
    onClose(() => pool.close(config.shutdownTimeoutMs));
    operations.watchPool(name, () => pool.usage);
    return new Executor(pool, types, slices);
  };
  const { guardOf } = guards;
  const dedicated = new DedicatedPools({ installHelpers, ownsSessions, guardOf, slices });
  onClose(() => dedicated.close(config.shutdownTimeoutMs));
  operations.watchPool("dedicated", () => dedicated.usage);
  return createBackends({
    roles,
    sharedSchemas: config.extensions.length > 0 ? [EXTENSIONS_SCHEMA] : [],
    shared: openPool("shared", exec, tenantConnectionsOf(config)),
    admin: openPool("admin", auth, ADMIN_CONNECTIONS),
    dedicated,
    provisioner: createProvisioner(operator, roles),
    ready: installation.ready,
    limits: { timeoutMs: config.queryTimeoutMs, maxBytes: config.maxResultBytes, maxLocks: lockBound },
  });
}
