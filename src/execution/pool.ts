// The connections to one database as one login, shared out fairly between tenants. In charge of how many there are, who gets
// one next and how long anybody waits; not of what is run on them.

import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { Connection } from "./connection.ts";
import { type Deadline, Deadlines } from "./deadlines.ts";
import type { Session } from "./session.ts";
import { unavailable } from "./translate-database-error.ts";
import { type Waiter, WaitingTenants } from "./waiting-tenants.ts";

export interface PoolOptions {
  readonly connection: ConnectionSettings;
  readonly maxConnections: number;
  /** Default true. False behind a pooler that gives each transaction another session of the server. */
  readonly ownsSessions?: boolean;
  /** Default three quarters, so that others find a connection without waiting for one tenant's statements. */
  readonly maxPerTenant?: number;
  /** Requests that may wait for a connection at one time, of all tenants together. */
  readonly maxWaiting?: number;
  readonly waitTimeoutMs?: number;
  /** A connection that nobody used for so long is closed. */
  readonly idleTimeoutMs?: number;
  /** A connection of this age is replaced, because a backend's caches of catalogs only grow. */
  readonly maxLifetimeMs?: number;
}

const DEFAULTS = {
  ownsSessions: true,
  maxWaiting: 1_000,
  waitTimeoutMs: 10_000,
  idleTimeoutMs: 5 * 60_000,
  maxLifetimeMs: 30 * 60_000,
} as const;

const TIDY_MS = 10_000;
const LARGEST_SHARE = 0.75;

export class Pool {
  /** Deadlines of everything that runs on the pool's connections. */
  readonly deadlines = new Deadlines();
  readonly #options: PoolOptions & Required<Pick<PoolOptions, keyof typeof DEFAULTS>>;
  readonly #maxPerTenant: number;
  readonly #connections = new Set<Connection>();
  /** Least recently used first. */
  #idle: Connection[] = [];
  readonly #holders = new Map<Connection, string>();
  readonly #heldBy = new Map<string, number>();
  readonly #waiting = new WaitingTenants();
  readonly #tidying: NodeJS.Timeout;
  #openingCount = 0;
  #isClosing = false;
  #drained: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#maxPerTenant = options.maxPerTenant ?? Math.max(1, Math.floor(options.maxConnections * LARGEST_SHARE));
    this.#tidying = setInterval(() => this.#tidy(), TIDY_MS).unref();
  }

  /** Nobody holds a connection or waits for one. */
  get isIdle(): boolean {
    return this.#holders.size === 0 && this.#waiting.count === 0 && this.#openingCount === 0;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /**
   * A connection for one exchange or more, until `release`.
   *
   * @throws GatewayError UNAVAILABLE when none can be had, in time or at all.
   * @throws Error when `signal` is aborted.
   */
  acquire(session: Session, signal: AbortSignal): Connection | Promise<Connection> {
    signal.throwIfAborted();
    if (this.#isClosing) throw closing();
    const connection = this.#allowance(session.tenant) > 0 ? this.#takeIdle(session.key) : undefined;
    if (connection !== undefined) return this.#hold(connection, session.tenant);
    if (this.#waiting.count >= this.#options.maxWaiting) throw unavailable("Too many requests are waiting");
    return this.#wait(session, signal);
  }

  release(connection: Connection): void {
    this.#letGo(connection);
    if (connection.isReusable) {
      connection.idleSince = performance.now();
      this.#idle.push(connection);
    } else {
      this.#discard(connection);
    }
    this.#serveWaiting();
    if (this.#isClosing) void this.#retire(this.#idle);
    if (this.isIdle) this.#drained?.();
  }

  /** The tenant's schema has changed: statements that were prepared before may have inferred other types. */
  forgetStatementsOf(tenant: string): void {
    for (const connection of this.#connections) connection.statements.forgetTenant(tenant);
  }

  /** Takes no more requests; lets those that it has come to their end, for `deadlineMs` at most. */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#tidying);
    await Promise.all([this.#retire(this.#idle), this.#untilDrained(deadlineMs)]);
    for (const waiter of this.#waiting.takeAll()) waiter.reject(closing());
    for (const connection of this.#connections) connection.cut();
  }

  /** How many connections more the tenant may hold. */
  readonly #allowance = (tenant: string): number => this.#maxPerTenant - (this.#heldBy.get(tenant) ?? 0);

  /** The connection that last served this session saves a reset and has its statements prepared. */
  #takeIdle(sessionKey: string): Connection | undefined {
    const own = this.#idle.findLastIndex((connection) => connection.sessionKey === sessionKey);
    const [connection] = this.#idle.splice(Math.max(own, 0), 1);
    if (connection === undefined || connection.isReusable) return connection;
    this.#discard(connection);
    return this.#takeIdle(sessionKey);
  }

  #wait({ tenant, key: sessionKey }: Session, signal: AbortSignal): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiting.remove(waiter);
        this.deadlines.delete(deadline);
        signal.removeEventListener("abort", abort);
      };
      const waiter: Waiter = {
        tenant,
        sessionKey,
        resolve: (connection) => {
          settle();
          resolve(connection);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      const deadline: Deadline = {
        deadlineAt: performance.now() + this.#options.waitTimeoutMs,
        expire: () => waiter.reject(unavailable("No connection to the database became free in time")),
      };
      const abort = (): void => waiter.reject(new Error("Nobody waits any more"));
      this.#waiting.add(waiter);
      this.deadlines.add(deadline);
      signal.addEventListener("abort", abort, { once: true });
      this.#openForWaiting();
    });
  }

  #serveWaiting(): void {
    for (const connection of this.#idle.filter(({ isReusable }) => !isReusable)) this.#discard(connection);
    this.#idle = this.#idle.filter(({ isReusable }) => isReusable);
    while (this.#idle.length > 0) {
      const waiter = this.#waiting.takeNext(this.#allowance);
      const connection = waiter === undefined ? undefined : this.#takeIdle(waiter.sessionKey);
      if (waiter === undefined || connection === undefined) break;
      waiter.resolve(this.#hold(connection, waiter.tenant));
    }
    this.#openForWaiting();
  }

  #openForWaiting(): void {
    const wanted = this.#waiting.countServable(this.#allowance);
    const possible = this.#options.maxConnections - this.#connections.size;
    while (this.#openingCount < Math.min(wanted, possible)) void this.#openOne();
  }

  /** Never rejects: a failure goes to a request that waits, where no other connection could serve it. */
  async #openOne(): Promise<void> {
    this.#openingCount += 1;
    try {
      const client = await connect(this.#options.connection);
      const connection = await this.#adopt(client);
      this.#openingCount -= 1;
      this.release(connection);
    } catch (cause) {
      this.#openingCount -= 1;
      if (this.#connections.size > 0) return;
      this.#waiting.takeNext(() => 1)?.reject(unavailable("The database cannot be reached", cause));
      this.#openForWaiting();
    }
  }

  async #adopt(client: Awaited<ReturnType<typeof connect>>): Promise<Connection> {
    try {
      const connection = await Connection.open(client, {
        settings: this.#options.connection,
        ownsSession: this.#options.ownsSessions,
      });
      this.#connections.add(connection);
      connection.onEnd(() => this.#forget(connection));
      return connection;
    } catch (error) {
      await client.end();
      throw error;
    }
  }

  #hold(connection: Connection, tenant: string): Connection {
    this.#holders.set(connection, tenant);
    this.#heldBy.set(tenant, (this.#heldBy.get(tenant) ?? 0) + 1);
    return connection;
  }

  #letGo(connection: Connection): void {
    const tenant = this.#holders.get(connection);
    if (tenant === undefined) return;
    this.#holders.delete(connection);
    const count = (this.#heldBy.get(tenant) ?? 1) - 1;
    if (count > 0) this.#heldBy.set(tenant, count);
    else this.#heldBy.delete(tenant);
  }

  #discard(connection: Connection): void {
    this.#connections.delete(connection);
    connection.destroy();
  }

  /** It has ended by itself, idle or not. */
  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    this.#idle = this.#idle.filter((idle) => idle !== connection);
    this.#serveWaiting();
  }

  /** Ends connections that are idle. */
  async #retire(connections: readonly Connection[]): Promise<void> {
    this.#idle = this.#idle.filter((connection) => !connections.includes(connection));
    for (const connection of connections) this.#connections.delete(connection);
    await Promise.all(connections.map((connection) => connection.end()));
  }

  #tidy(): void {
    const now = performance.now();
    const { idleTimeoutMs, maxLifetimeMs } = this.#options;
    const old = this.#idle.filter(
      ({ idleSince, openedAt }) => now - idleSince > idleTimeoutMs || now - openedAt > maxLifetimeMs,
    );
    void this.#retire(old);
  }

  async #untilDrained(deadlineMs: number): Promise<void> {
    if (this.isIdle) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      timer = setTimeout(resolve, deadlineMs);
    });
    clearTimeout(timer);
  }
}

function closing(): Error {
  return unavailable("The connections to the database are being closed");
}
