// A few connections for the gateway's own short queries (looking up tokens and types), apart from those that run tenants'
// statements. Each query is a transaction by itself and is safe to repeat: one on a connection that died is sent again.

import { type Client, DatabaseError } from "pg";
import { connect } from "./connect.ts";
import type { ConnectionSettings } from "./connection-settings.ts";

export type Row = Readonly<Record<string, unknown>>;

export interface Query {
  /** Prepared under this name on each connection. */
  readonly name: string;
  readonly text: string;
}

export interface QueryPoolOptions {
  readonly connection: ConnectionSettings;
  readonly maxConnections: number;
  /** For one query in PostgreSQL, and for a connection to be made. */
  readonly timeoutMs: number;
}

export class QueryPool {
  readonly #options: QueryPoolOptions;
  readonly #idle: Client[] = [];
  readonly #waiting: (() => void)[] = [];
  #openCount = 0;
  #isClosed = false;

  constructor(options: QueryPoolOptions) {
    this.#options = options;
  }

  /** @throws ConnectionError when the database cannot be reached, DatabaseError when it refuses the query. */
  readonly query = async (query: Query, values: readonly unknown[]): Promise<readonly Row[]> => {
    const isReused = this.#idle.length > 0;
    try {
      return await this.#queryOnce(query, values);
    } catch (error) {
      if (error instanceof DatabaseError || !isReused) throw error;
      return this.#queryOnce(query, values);
    }
  };

  /** Ends the connections; queries that still run are cut off. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#idle.splice(0).map((client) => client.end()));
  }

  async #queryOnce(query: Query, values: readonly unknown[]): Promise<readonly Row[]> {
    const client = await this.#acquire();
    let isUsable = false;
    try {
      const { rows } = await client.query<Record<string, unknown>>({ ...query, values: [...values] });
      isUsable = true;
      return rows;
    } catch (error) {
      isUsable = error instanceof DatabaseError && error.severity === "ERROR";
      throw error;
    } finally {
      this.#release(client, isUsable);
    }
  }

  async #acquire(): Promise<Client> {
    for (;;) {
      const idle = this.#idle.pop();
      if (idle !== undefined) return idle;
      if (this.#openCount < this.#options.maxConnections) return this.#open();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async #open(): Promise<Client> {
    const { connection, timeoutMs } = this.#options;
    this.#openCount += 1;
    try {
      const client = await connect(connection, {
        applicationName: "postgate control",
        connectTimeoutMs: timeoutMs,
        startupOptions: { statement_timeout: String(timeoutMs), search_path: "pg_catalog", TimeZone: "UTC" },
      });
      client.once("end", () => this.#forget(client));
      return client;
    } catch (error) {
      this.#forgetOne();
      throw error;
    }
  }

  #release(client: Client, isUsable: boolean): void {
    if (isUsable && !this.#isClosed) {
      this.#idle.push(client);
      this.#waiting.shift()?.();
    } else {
      client.end().catch(() => undefined); // Broken already: "end" follows and gives its place back.
    }
  }

  #forget(client: Client): void {
    const index = this.#idle.indexOf(client);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#forgetOne();
  }

  #forgetOne(): void {
    this.#openCount -= 1;
    this.#waiting.shift()?.();
  }
}
