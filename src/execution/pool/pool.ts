// The connections to one database as one login, shared out fairly between tenants. In charge of how many there are, who gets
// one next and how long anybody waits; not of what is run on them.

import { setMaxListeners } from "node:events";
import { LRUCache } from "lru-cache";
import type { CancelSignal } from "../../base/cancel-signal.ts";
import { connect, placeOf } from "../../postgres/connect.ts";
import { Connection } from "./connection.ts";
import { CutBackends } from "./cut-backends.ts";
import { Deadlines } from "./deadlines.ts";
import { POOL_DEFAULTS, type PoolOptions } from "./pool-options.ts";
import type { Session } from "../session.ts";
import { tooManyRequests, unavailable, unreachable } from "../translate-database-error.ts";
import { type Waiter, WaitingTenants } from "./waiting-tenants.ts";

const TIDY_MS = 10_000;
const LARGEST_SHARE = 0.75;
/** Bounds memory only: a session that falls out finds another home. */
const MAX_HOMES = 20_000;
const NO_CONNECTION = 0;

export interface PoolUsage {
  /** Connections that are open. */
  readonly connections: number;
  /** Connections that somebody holds. */
  readonly inUse: number;
  /** Requests that wait for a connection. */
  readonly waiting: number;
  /** Backends that were cut off and still run in PostgreSQL. */
  readonly cutBackends: number;
}

export class Pool {
  /** Deadlines of everything that runs on the pool's connections. */
  readonly deadlines = new Deadlines();
  readonly #options: PoolOptions & Required<Pick<PoolOptions, keyof typeof POOL_DEFAULTS>>;
  readonly #maxPerTenant: number;
  /** By their numbers. */
  readonly #connections = new Map<number, Connection>();
  /** Least recently used first. */
  #idle: Connection[] = [];
  /** By session key, the number of the connection that has its statements prepared, and its tables in PostgreSQL's caches. */
  readonly #homes = new LRUCache<string, number>({ max: MAX_HOMES });
  /** Ended by us; the server has not closed them yet. */
  readonly #ending = new Set<Connection>();
  readonly #cut: CutBackends;
  #heldCount = 0;
  readonly #heldBy = new Map<string, number>();
  readonly #waiting = new WaitingTenants();
  readonly #tidying: NodeJS.Timeout;
  #openingCount = 0;
  /** The last attempt to open a connection failed: no spare one is tried until the pool is tidied. */
  #isServerFull = false;
  /** Gives up connections that are being opened. */
  readonly #stop = new AbortController();
  #isClosing = false;
  /** Those who wait for the pool to come to its end. */
  readonly #closers = new Set<() => void>();

  constructor(options: PoolOptions) {
    this.#options = { ...POOL_DEFAULTS, ...options };
    this.#maxPerTenant = options.maxPerTenant ?? Math.max(1, Math.floor(options.maxConnections * LARGEST_SHARE));
    this.#cut = new CutBackends({
      find: options.findBackends,
      isOpen: (processId) => [...this.#connections.values()].some((open) => open.processId === processId),
      onFreed: () => this.#serveWaiting(),
      onUnanswered: (cause) => options.onFindFailed?.(cause),
    });
    this.#tidying = setInterval(() => this.#tidy(), TIDY_MS).unref();
    setMaxListeners(0, this.#stop.signal); // One for each connection that is being opened.
    this.#openSpare();
  }

  /** Nobody holds a connection or waits for one, and no backend that was cut off still runs. */
  get isIdle(): boolean {
    return this.#isUnused && this.#cut.count === 0;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** For those who watch. */
  get usage(): PoolUsage {
    return {
      connections: this.#connections.size,
      inUse: this.#heldCount,
      waiting: this.#waiting.count,
      cutBackends: this.#cut.count,
    };
  }

  /**
   * A connection for one exchange or more, until `release`.
   *
   * @throws GatewayError UNAVAILABLE when none can be had, in time or at all.
   * @throws GatewayError TOO_MANY_REQUESTS when the tenant itself has too many requests waiting.
   * @throws Error when `signal` is aborted.
   */
  acquire(session: Session, signal: CancelSignal): Connection | Promise<Connection> {
    if (signal.aborted) throw nobodyWaits();
    if (this.#isClosing) throw closing();
    const connection = this.#allowance(session.tenant) > 0 ? this.#takeIdle(session.key) : undefined;
    if (connection !== undefined) return this.#hold(connection, session.tenant);
    this.#makeRoomFor(session.tenant);
    return this.#wait(session, signal);
  }

  release(connection: Connection): void {
    if (connection.isReusable) {
      connection.idleSince = performance.now();
      this.#idle.push(connection);
    } else {
      this.#discard(connection); // While it has its holder, whose share its backend may go on to take.
    }
    this.#letGo(connection);
    this.#serveWaiting();
    if (this.#isClosing) this.#retire(this.#idle);
    this.#tellClosers();
  }

  /** The tenant's schema has changed: statements that were prepared before may have inferred other types. */
  forgetStatementsOf(tenant: string): void {
    for (const connection of this.#connections.values()) connection.statements.forgetTenant(tenant);
  }

  /** Takes no more requests; lets those that it has come to their end, for `deadlineMs` at most. */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#tidying);
    this.#cut.close();
    this.#retire(this.#idle);
    await this.#untilEmpty(deadlineMs);
    this.#stop.abort();
    for (const waiter of this.#waiting.takeAll()) waiter.reject(closing());
    for (const connection of this.#connections.values()) connection.cut();
    for (const connection of this.#ending) connection.destroy();
  }

  /** How many connections more the tenant may hold. */
  readonly #allowance = (tenant: string): number =>
    this.#maxPerTenant - (this.#heldBy.get(tenant) ?? 0) - this.#cut.countOf(tenant);

  /**
   * A tenant that holds and waits for nothing finds a place in a full queue: another, with more than one request in it, gives
   * its newest up.
   */
  #makeRoomFor(tenant: string): void {
    const { maxWaiting } = this.#options;
    const ownCount = this.#waiting.countOf(tenant);
    if (ownCount >= Math.ceil(maxWaiting / 2)) throw tooManyRequests("Too many requests of this database are waiting");
    if (this.#waiting.count < maxWaiting) return;
    const displaced = ownCount > 0 || this.#heldBy.has(tenant) ? undefined : this.#waiting.newestOfLongest;
    if (displaced === undefined) throw queueFull();
    displaced.reject(queueFull());
  }

  /** The connection that last served this session saves a reset, too. */
  #takeIdle(sessionKey: string): Connection | undefined {
    const own = this.#idle.findLastIndex((connection) => connection.sessionKey === sessionKey);
    const [connection] = this.#idle.splice(own < 0 ? this.#homeOrFirst(sessionKey) : own, 1);
    if (connection === undefined || connection.isReusable) return connection;
    this.#discard(connection);
    return this.#takeIdle(sessionKey);
  }

  /** A home stays one while it is busy: with many sessions, each would otherwise be prepared everywhere and kept nowhere. */
  #homeOrFirst(sessionKey: string): number {
    const home = this.#connections.get(this.#homes.get(sessionKey) ?? NO_CONNECTION);
    if (home !== undefined) return Math.max(this.#idle.indexOf(home), 0);
    const [first] = this.#idle;
    if (first !== undefined) this.#homes.set(sessionKey, first.number);
    return 0;
  }

  #wait({ tenant, key: sessionKey }: Session, signal: CancelSignal): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiting.remove(place);
        this.deadlines.delete(appointment);
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
      const abort = (): void => waiter.reject(nobodyWaits());
      const place = this.#waiting.add(waiter);
      const appointment = this.deadlines.add({
        deadlineAt: performance.now() + this.#options.waitTimeoutMs,
        expire: () => waiter.reject(unavailable("No connection to the database became free in time")),
      });
      signal.addEventListener("abort", abort);
      this.#openForWaiting();
    });
  }

  #serveWaiting(): void {
    this.#discardUnusable();
    while (this.#idle.length > 0) {
      const waiter = this.#waiting.nextInTurn(this.#allowance);
      const connection = waiter === undefined ? undefined : this.#takeIdle(waiter.sessionKey);
      if (waiter === undefined || connection === undefined) break;
      waiter.resolve(this.#hold(connection, waiter.tenant));
    }
    this.#openForWaiting();
  }

  #discardUnusable(): void {
    if (this.#idle.every(({ isReusable }) => isReusable)) return;
    for (const connection of this.#idle.filter(({ isReusable }) => !isReusable)) this.#discard(connection);
    this.#idle = this.#idle.filter(({ isReusable }) => isReusable);
  }

  #openForWaiting(): void {
    const wanted = this.#waiting.countServable(this.#allowance);
    const possible = this.#options.maxConnections - this.#connections.size - this.#cut.count;
    while (this.#openingCount < Math.min(wanted, possible)) void this.#openOne();
  }

  /** How many connections are to be open now. */
  get #wantedCount(): number {
    const { maxConnections, spareConnections } = this.#options;
    return Math.min(maxConnections - this.#cut.count, this.#heldCount + spareConnections);
  }

  /** One at a time: each that was opened asks for the next. */
  #openSpare(): void {
    if (this.#isClosing || this.#isServerFull || this.#openingCount > 0) return;
    if (this.#connections.size < this.#wantedCount) void this.#openOne();
  }

  /** Never rejects: a failure goes to a request that waits, where no other connection could serve it. */
  async #openOne(): Promise<void> {
    this.#openingCount += 1;
    try {
      const connection = await this.#connect();
      this.#openingCount -= 1;
      this.#isServerFull = false;
      this.release(connection);
      this.#openSpare();
    } catch (cause) {
      this.#openingCount -= 1;
      this.#isServerFull = true;
      this.#tellClosers();
      if (this.#connections.size > 0) {
        if (!this.#isClosing) this.#options.onOpenFailed?.(cause);
        return;
      }
      this.#waiting.nextInTurn(() => 1)?.reject(unreachable(cause));
      this.#openForWaiting();
    }
  }

  async #connect(): Promise<Connection> {
    const { connection: given, guard, ownsSessions: ownsSession, openTimeoutMs } = this.#options;
    const client = await connect(given, { guard, signal: this.#stop.signal });
    const options = { settings: placeOf(client, given), ownsSession, openTimeoutMs };
    const connection = await Connection.open(client, options, this.#stop.signal);
    this.#connections.set(connection.number, connection);
    connection.onEnd(() => this.#forget(connection));
    return connection;
  }

  #hold(connection: Connection, tenant: string): Connection {
    connection.holder = tenant;
    this.#heldCount += 1;
    this.#heldBy.set(tenant, (this.#heldBy.get(tenant) ?? 0) + 1);
    this.#openSpare();
    return connection;
  }

  #letGo(connection: Connection): void {
    const tenant = connection.holder;
    if (tenant === undefined) return;
    connection.holder = undefined;
    this.#heldCount -= 1;
    const count = (this.#heldBy.get(tenant) ?? 1) - 1;
    if (count > 0) this.#heldBy.set(tenant, count);
    else this.#heldBy.delete(tenant);
  }

  #discard(connection: Connection): void {
    connection.destroy();
    this.#remove(connection);
  }

  #remove(connection: Connection): void {
    const { number, processId, holder, mayStillRun } = connection;
    const isFirst = this.#connections.delete(number);
    if (isFirst && mayStillRun && holder !== undefined) this.#cut.add(processId, holder);
  }

  /** It has ended by itself, idle or not. */
  #forget(connection: Connection): void {
    this.#remove(connection);
    this.#idle = this.#idle.filter((idle) => idle !== connection);
    this.#serveWaiting();
  }

  /** Ends connections that are idle. */
  #retire(connections: readonly Connection[]): void {
    this.#idle = this.#idle.filter((connection) => !connections.includes(connection));
    for (const connection of connections) {
      this.#connections.delete(connection.number);
      this.#ending.add(connection);
      void connection.end().then(() => {
        this.#ending.delete(connection);
        this.#tellClosers();
      });
    }
  }

  #tidy(): void {
    const now = performance.now();
    const { idleTimeoutMs, maxLifetimeMs } = this.#options;
    const hasAged = ({ openedAt }: Connection): boolean => now - openedAt > maxLifetimeMs;
    const old = this.#idle.filter((connection) => hasAged(connection) || now - connection.idleSince > idleTimeoutMs);
    const surplus = Math.max(this.#connections.size - this.#wantedCount, 0);
    this.#retire(old.slice(0, surplus));
    this.#isServerFull = false;
    if (old.slice(surplus).some(hasAged))
      void this.#openOne(); // When it is there, an old one can go.
    else this.#openSpare();
  }

  get #isUnused(): boolean {
    return this.#heldCount === 0 && this.#waiting.count === 0 && this.#openingCount === 0;
  }

  get #isEmpty(): boolean {
    return this.#isUnused && this.#ending.size === 0;
  }

  #tellClosers(): void {
    if (this.#isEmpty) for (const tell of this.#closers) tell();
  }

  async #untilEmpty(deadlineMs: number): Promise<void> {
    if (this.#isEmpty) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#closers.add(resolve);
      timer = setTimeout(resolve, deadlineMs);
    });
    clearTimeout(timer);
  }
}

function nobodyWaits(): Error {
  return new Error("Nobody waits any more");
}

function queueFull(): Error {
  return unavailable("Too many requests are waiting");
}

function closing(): Error {
  return unavailable("The connections to the database are being closed");
}
