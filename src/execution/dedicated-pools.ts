// A pool for each dedicated tenant's own database. In charge of how many there are and how long they stay; each opens its
// connections when the first statement asks for one, so making a pool can neither fail nor be raced.

import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { Executor } from "./execute.ts";
import type { ExecuteRequest } from "./execute-request.ts";
import { Pool } from "./pool.ts";
import type { ResultSet } from "./result-set.ts";
import { unavailable } from "./translate-database-error.ts";
import { TypeCatalog } from "./type-catalog.ts";

type Client = Awaited<ReturnType<typeof connect>>;

export interface DedicatedPoolsOptions {
  readonly maxPools?: number;
  readonly maxConnectionsPerPool?: number;
  /** As in PoolOptions. */
  readonly ownsSessions?: boolean;
  /** Connections that nobody used for so long are closed, and with the last of them the pool. */
  readonly idleTimeoutMs?: number;
  /** Installs the schema `postgate_helpers` where it is missing; throws a GatewayError that says how, where it may not. */
  readonly installHelpers?: (client: Client) => Promise<void>;
}

export interface DedicatedDatabase {
  /** The id of the row in `postgate_databases`. */
  readonly id: string;
  readonly connection: ConnectionSettings;
}

interface Entry {
  /** What the pool was made for: another connection string needs another pool. */
  readonly settings: string;
  readonly pool: Pool;
  readonly executor: Executor;
  readonly connection: ConnectionSettings;
  helpers: Promise<void> | undefined;
}

const DEFAULTS = { ownsSessions: true, maxPools: 100, maxConnectionsPerPool: 5, idleTimeoutMs: 60_000 } as const;
const TIDY_MS = 10_000;
const DRAIN_MS = 60_000;

export class DedicatedPools {
  readonly #options: DedicatedPoolsOptions & Required<Pick<DedicatedPoolsOptions, keyof typeof DEFAULTS>>;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #tidying: NodeJS.Timeout;

  constructor(options: DedicatedPoolsOptions = {}) {
    this.#options = { ...DEFAULTS, ...options };
    this.#tidying = setInterval(() => this.#tidy(), TIDY_MS).unref();
  }

  get poolCount(): number {
    return this.#entries.size;
  }

  /** As `Executor.execute`, in the tenant's own database. */
  async execute(database: DedicatedDatabase, request: ExecuteRequest): Promise<ResultSet> {
    const entry = this.#entryOf(database);
    if (/postgate_helpers/i.test(request.statement.text)) await this.#installHelpers(entry);
    return entry.executor.execute(request);
  }

  async close(deadlineMs: number): Promise<void> {
    clearInterval(this.#tidying);
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(({ pool }) => pool.close(deadlineMs)));
  }

  #entryOf({ id, connection }: DedicatedDatabase): Entry {
    const settings = JSON.stringify(connection);
    const known = this.#entries.get(id);
    this.#entries.delete(id);
    if (known !== undefined && known.settings !== settings) void known.pool.close(DRAIN_MS);
    if (known === undefined) this.#makeRoom();
    const entry = known?.settings === settings ? known : this.#createEntry(connection, settings);
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

  #createEntry(connection: ConnectionSettings, settings: string): Entry {
    const { maxConnectionsPerPool: maxConnections, idleTimeoutMs, ownsSessions } = this.#options;
    const pool = new Pool({ connection, maxConnections, maxPerTenant: maxConnections, idleTimeoutMs, ownsSessions });
    // Not over the pool: a statement that holds its last connection may be the one that waits for the types.
    const types = new TypeCatalog((sql, values) =>
      withClient(connection, async (client) => (await client.query<Record<string, unknown>>(sql, [...values])).rows),
    );
    return { settings, pool, executor: new Executor(pool, types), connection, helpers: undefined };
  }

  /** Once for each pool; a failure is not remembered. */
  async #installHelpers(entry: Entry): Promise<void> {
    const { installHelpers } = this.#options;
    if (installHelpers === undefined) return;
    entry.helpers ??= withClient(entry.connection, installHelpers).catch((error: unknown) => {
      entry.helpers = undefined;
      throw error;
    });
    await entry.helpers;
  }

  #tidy(): void {
    for (const [id, { pool }] of this.#entries) if (pool.isIdle && pool.connectionCount === 0) this.#remove(id, pool);
  }

  #remove(id: string, pool: Pool): void {
    this.#entries.delete(id);
    void pool.close(DRAIN_MS);
  }
}

/** A connection for one purpose beside the pool. */
async function withClient<T>(connection: ConnectionSettings, use: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(connection).catch((cause: unknown) => {
    throw unavailable("The database cannot be reached", cause);
  });
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
