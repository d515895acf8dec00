// A pool for each dedicated tenant's own database. In charge of how many there are and how long they stay; each opens its
// connections when the first statement asks for one, so making a pool can neither fail nor be raced.

import pg from "pg";
import { GatewayError } from "../../base/errors.ts";
import type { Slices } from "../../base/slices.ts";
import { connect, type ServerGuard } from "../../postgres/connect.ts";
import type { ConnectionSettings } from "../../postgres/connection-settings.ts";
import { type Backend, findBackends } from "../../postgres/find-backends.ts";
import { Executor } from "../execute.ts";
import type { ExecuteRequest } from "../execute-request.ts";
import { Pool, type PoolUsage } from "./pool.ts";
import type { ResultSet } from "../results/result-set.ts";
import { unavailable, unreachable } from "../translate-database-error.ts";
import { TypeCatalog } from "../results/type-catalog.ts";

type Client = Awaited<ReturnType<typeof connect>>;

export interface DedicatedPoolsOptions {
  readonly maxPools?: number;
  readonly maxConnectionsPerPool?: number;
  /** As in PoolOptions. */
  readonly ownsSessions?: boolean;
  /** Connections that nobody used for so long are closed, and with the last of them the pool. */
  readonly idleTimeoutMs?: number;
  /** For a connection beside the pool, from its opening to its end. */
  readonly sideTimeoutMs?: number;
  /** As in Executor. */
  readonly slices?: Slices;
  /** Decides, by the id of the row, which servers may be connected to; every server where it is left out. */
  readonly guardOf?: (databaseId: string) => ServerGuard;
  /** Installs the schema `postgate_helpers` where it is missing; throws PostgreSQL's error where it may not. */
  readonly installHelpers?: (client: Client) => Promise<void>;
}

export interface DedicatedDatabase {
  /** The id of the row in `postgate_databases`. */
  readonly id: string;
  readonly connection: ConnectionSettings;
}

/** What a row names, and what decides whether it may be connected to. */
interface Server {
  readonly connection: ConnectionSettings;
  readonly guard: ServerGuard | undefined;
}

interface Entry extends Server {
  /** What the pool was made for: another connection string needs another pool. */
  readonly settings: string;
  readonly pool: Pool;
  readonly executor: Executor;
  helpers: Promise<void> | undefined;
}

/** Bounds the process's sockets (500) and what it holds for databases that are seldom asked. */
const MAX_POOLS = 100;

const DEFAULTS = {
  ...{ ownsSessions: true, maxPools: MAX_POOLS, maxConnectionsPerPool: 5 },
  ...{ idleTimeoutMs: 60_000, sideTimeoutMs: 10_000 },
} as const;
/** query_canceled by the timeout, admin_shutdown, lock_not_available. */
const MAY_PASS: ReadonlySet<string> = new Set(["57014", "57P01", "55P03"]);
const INSTALL_BY_HAND = "Have its owner or a superuser run migrations/0003_helpers.sql of the package postgate there";
const HINTS: Readonly<Record<string, string>> = {
  "42501": `Grant the login CREATE on the database (GRANT CREATE ON DATABASE … TO …). Or: ${INSTALL_BY_HAND}`,
  "25006": "The database is read-only: call a helper once where it can be written, on the primary",
};
/** Room for thirty thousand types. */
const MAX_SIDE_BYTES = 4 * 1024 * 1024;
const TIDY_MS = 10_000;
const DRAIN_MS = 60_000;

export class DedicatedPools {
  readonly #options: DedicatedPoolsOptions & Required<Pick<DedicatedPoolsOptions, keyof typeof DEFAULTS>>;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  /** Replaced or given up; what runs on them comes to its end. */
  readonly #leaving = new Set<Pool>();
  readonly #tidying: NodeJS.Timeout;

  constructor(options: DedicatedPoolsOptions = {}) {
    this.#options = { ...DEFAULTS, ...options };
    this.#tidying = setInterval(() => this.#tidy(), TIDY_MS).unref();
  }

  get poolCount(): number {
    return this.#entries.size;
  }

  /** Of all pools together. */
  get usage(): PoolUsage {
    const usages = [...this.#entries.values()].map(({ pool }) => pool.usage);
    const sum = (key: keyof PoolUsage): number => usages.reduce((total, usage) => total + usage[key], 0);
    return {
      connections: sum("connections"),
      inUse: sum("inUse"),
      waiting: sum("waiting"),
      cutBackends: sum("cutBackends"),
    };
  }

  /** As `Executor.execute`, in the tenant's own database. */
  async execute(database: DedicatedDatabase, request: ExecuteRequest): Promise<readonly ResultSet[]> {
    const entry = this.#entryOf(database);
    if (request.statements.some(({ statement }) => statement.callsHelpers)) await this.#installHelpers(entry);
    return entry.executor.execute(request);
  }

  async close(deadlineMs: number): Promise<void> {
    clearInterval(this.#tidying);
    const pools = [...this.#leaving, ...[...this.#entries.values()].map(({ pool }) => pool)];
    this.#entries.clear();
    await Promise.all(pools.map((pool) => pool.close(deadlineMs)));
  }

  #entryOf({ id, connection }: DedicatedDatabase): Entry {
    const settings = JSON.stringify(connection);
    const known = this.#entries.get(id);
    this.#entries.delete(id);
    if (known !== undefined && known.settings !== settings) this.#leave(known.pool);
    if (known === undefined) this.#makeRoom();
    const entry = known?.settings === settings ? known : this.#createEntry({ id, connection }, settings);
    this.#entries.set(id, entry);
    return entry;
  }

  #makeRoom(): void {
    if (this.#entries.size < this.#options.maxPools) return;
    for (const [id, { pool }] of this.#entries) {
      if (!pool.isIdle) continue;
      this.#remove(id, pool);
      return;
    }
    throw unavailable("Too many dedicated databases are in use");
  }

  #createEntry({ id, connection }: DedicatedDatabase, settings: string): Entry {
    const { maxConnectionsPerPool: maxConnections, idleTimeoutMs, ownsSessions, slices } = this.#options;
    const server = { connection, guard: this.#options.guardOf?.(id) };
    const pool = new Pool({
      ...{ ...server, maxConnections, maxPerTenant: maxConnections, idleTimeoutMs, ownsSessions },
      findBackends: ownsSessions ? (processIds) => this.#findBackends(server, processIds) : undefined,
    });
    // Not over the pool: a statement that holds its last connection may be the one that waits for the types.
    const types = new TypeCatalog((sql, values) =>
      this.#withClient(server, async (client) => (await client.query<Record<string, unknown>>(sql, [...values])).rows),
    );
    return { settings, pool, executor: new Executor(pool, types, slices), ...server, helpers: undefined };
  }

  /** The tenant's own login asks: PostgreSQL shows it the backends that are its own. */
  #findBackends(server: Server, processIds: readonly number[]): Promise<readonly Backend[]> {
    return this.#withClient(server, (client) => findBackends(client, server.connection.user, processIds));
  }

  /** Once for each pool; a failure is not remembered. */
  async #installHelpers(entry: Entry): Promise<void> {
    const { installHelpers } = this.#options;
    if (installHelpers === undefined) return;
    entry.helpers ??= this.#withClient(entry, installHelpers).catch((error: unknown) => {
      entry.helpers = undefined;
      throw helpersMissing(error);
    });
    await entry.helpers;
  }

  #tidy(): void {
    for (const [id, { pool }] of this.#entries) if (pool.isIdle && pool.connectionCount === 0) this.#remove(id, pool);
  }

  #remove(id: string, pool: Pool): void {
    this.#entries.delete(id);
    this.#leave(pool);
  }

  #leave(pool: Pool): void {
    this.#leaving.add(pool);
    void pool.close(DRAIN_MS).then(() => this.#leaving.delete(pool));
  }

  /** A connection for one purpose beside the pool. */
  async #withClient<T>({ connection, guard }: Server, use: (client: Client) => Promise<T>): Promise<T> {
    const { sideTimeoutMs, ownsSessions } = this.#options;
    const client = await connect(connection, {
      guard,
      connectTimeoutMs: sideTimeoutMs,
      maxAnswerBytes: MAX_SIDE_BYTES,
      // A pooler may refuse it; there, the end of the connection has to do.
      ...(ownsSessions ? { startupOptions: { statement_timeout: String(sideTimeoutMs) } } : {}),
    }).catch((cause: unknown) => {
      throw unreachable(cause);
    });
    const cut = setTimeout(() => client.connection.stream.destroy(), sideTimeoutMs);
    try {
      return await use(client);
    } catch (error) {
      if (client.connection.stream.destroyed) throw unavailable("The connection to the database was lost", error);
      throw error;
    } finally {
      await client.end();
      clearTimeout(cut);
    }
  }
}

/** What the tenant, or whoever runs its database, is told. */
function helpersMissing(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError)) return error;
  const { code: sqlstate = "" } = error;
  if (MAY_PASS.has(sqlstate)) return unavailable("The functions of postgate_helpers cannot be installed now", error);
  return new GatewayError("DATABASE_ERROR", "The functions of postgate_helpers are missing and cannot be installed", {
    details: { sqlstate, hint: HINTS[sqlstate] ?? INSTALL_BY_HAND },
    cause: error,
  });
}
