// Keeps a few connections for the gateway's own short queries (looking up tokens and types), separate from those that run
// tenants' statements. Each query is a transaction by itself and is safe to repeat, so a query is sent again if its connection
// died. Every wait has a time limit, whatever the server does.

import { type Client, DatabaseError } from "pg";
import { connect } from "./connect.ts";
import type { ConnectionSettings } from "./connection-settings.ts";

export type Row = Readonly<Record<string, unknown>>;

export interface Query {
  /** The name under which the query is prepared on each connection. */
  readonly name: string;
  readonly text: string;
}

export interface QueryPoolOptions {
  readonly connection: ConnectionSettings;
  readonly maxConnections: number;
  /** Time limit for one query in PostgreSQL, for opening a connection, and for the wait for a free connection: each on its own. */
  readonly timeoutMs: number;
  /** The name in pg_stat_activity. */
  readonly applicationName?: string;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const MAX_WAITING = 1_000;
/** Extra time after statement_timeout. A server that does not report the timeout by then is considered dead. */
const GRACE_MS = 1_000;

export class QueryPool {
  readonly #options: QueryPoolOptions;
  readonly #clients = new Set<Client>();
  readonly #waiting = new Set<Waiter>();
  #idle: Client[] = [];
  #openCount = 0;
  #isClosed = false;

  constructor(options: QueryPoolOptions) {
    this.#options = options;
  }

  /**
   * Runs one query.
   *
   * @throws DatabaseError when the database refuses the query, and other errors when it cannot be asked in time.
   */
  readonly query = async (query: Query, values: readonly unknown[]): Promise<readonly Row[]> => {
    const client = await this.#acquire();
    const isReused = this.#clients.has(client);
    this.#clients.add(client);
    try {
      return await this.#run(client, query, values);
    } catch (error) {
      if (isAnswer(error) || !isReused) throw error;
      for (const dead of this.#idle.splice(0)) this.#end(dead); // The other idle connections may have died too.
      return this.query(query, values);
    }
  };

  /** Counts for metrics: connections that are open or being opened, connections in use, and queries that wait for a connection. */
  get usage(): { readonly connections: number; readonly inUse: number; readonly waiting: number } {
    return {
      connections: this.#openCount,
      inUse: this.#openCount - this.#idle.length,
      waiting: this.#waiting.size,
    };
  }

  /** Ends the connections. Queries that still run after 1 s are cut off. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const waiter of this.#waiting) waiter.reject(new Error("The gateway is shutting down"));
    this.#idle = [];
    await Promise.all([...this.#clients].map((client) => endWithin(client, GRACE_MS)));
  }

  async #run(client: Client, query: Query, values: readonly unknown[]): Promise<readonly Row[]> {
    const cut = setTimeout(() => client.connection.stream.destroy(), this.#options.timeoutMs + GRACE_MS);
    let isUsable = false;
    try {
      const { rows } = await client.query<Record<string, unknown>>({ ...query, values: [...values] });
      isUsable = true;
      return rows;
    } catch (error) {
      isUsable = error instanceof DatabaseError && error.severity === "ERROR";
      throw error;
    } finally {
      clearTimeout(cut);
      this.#release(client, isUsable);
    }
  }

  async #acquire(): Promise<Client> {
    for (;;) {
      if (this.#isClosed) throw new Error("The gateway is shutting down");
      const idle = this.#idle.pop();
      if (idle !== undefined) return idle;
      if (this.#openCount < this.#options.maxConnections) return this.#open();
      await this.#waitForOne();
    }
  }

  async #waitForOne(): Promise<void> {
    if (this.#waiting.size >= MAX_WAITING) throw new Error("Too many queries wait for a connection");
    const { timeoutMs } = this.#options;
    let waiter: Waiter | undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        waiter = { resolve, reject };
        this.#waiting.add(waiter);
        timer = setTimeout(() => reject(new Error(`No connection was free within ${timeoutMs} ms`)), timeoutMs);
      });
    } finally {
      clearTimeout(timer);
      if (waiter !== undefined) this.#waiting.delete(waiter);
    }
  }

  async #open(): Promise<Client> {
    const { connection, timeoutMs, applicationName = "postgate control" } = this.#options;
    this.#openCount += 1;
    try {
      const client = await connect(connection, {
        applicationName,
        connectTimeoutMs: timeoutMs,
        startupOptions: { statement_timeout: String(timeoutMs), search_path: "pg_catalog", TimeZone: "UTC" },
      });
      client.once("end", () => this.#forget(client));
      return client;
    } catch (error) {
      this.#freeOne();
      throw error;
    }
  }

  #release(client: Client, isUsable: boolean): void {
    if (!isUsable || this.#isClosed) {
      this.#end(client);
      return;
    }
    this.#idle.push(client);
    this.#wakeOne();
  }

  #end(client: Client): void {
    void endWithin(client, GRACE_MS); // The event "end" follows and frees the connection's place.
  }

  #forget(client: Client): void {
    this.#clients.delete(client);
    this.#idle = this.#idle.filter((idle) => idle !== client);
    this.#freeOne();
  }

  #freeOne(): void {
    this.#openCount -= 1;
    this.#wakeOne();
  }

  #wakeOne(): void {
    const [waiter] = this.#waiting;
    if (waiter === undefined) return;
    this.#waiting.delete(waiter);
    waiter.resolve();
  }
}

/** SQLSTATEs that end the session, as when the server stops or an operator ends the session. Another session may still answer. */
const ENDS_SESSION = "57P";

function isAnswer(error: unknown): boolean {
  return error instanceof DatabaseError && error.code?.startsWith(ENDS_SESSION) !== true;
}

/** Ends a connection, and cuts it when the server does not close it in time. It never rejects, because the connection ends in any case. */
async function endWithin(client: Client, deadlineMs: number): Promise<void> {
  const cut = setTimeout(() => client.connection.stream.destroy(), deadlineMs);
  await client.end().catch(() => undefined);
  clearTimeout(cut);
}
