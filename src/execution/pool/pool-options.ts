// What a pool of connections may be told when it is made, and what holds where nothing was said.

import type { ServerGuard } from "../../postgres/connect.ts";
import type { ConnectionSettings } from "../../postgres/connection-settings.ts";
import type { FindBackends } from "./cut-backends.ts";

export interface PoolOptions {
  readonly connection: ConnectionSettings;
  /** Decides which servers may be connected to; every server where it is left out. */
  readonly guard?: ServerGuard | undefined;
  readonly maxConnections: number;
  /** Default true. False behind a pooler that gives each transaction another session of the server. */
  readonly ownsSessions?: boolean;
  /** Default three quarters, so that others find a connection without waiting for one tenant's statements. */
  readonly maxPerTenant?: number;
  /**
   * Connections that stay open beside those that somebody holds, as far as `maxConnections` allows: where a server is so full that
   * it takes no more, one tenant's statements leave some for the others. Default none.
   */
  readonly spareConnections?: number;
  /** Requests that may wait for a connection at one time, of all tenants together; half of them may be one tenant's. */
  readonly maxWaiting?: number;
  readonly waitTimeoutMs?: number;
  /** For what is sent on a new connection before the first statement. */
  readonly openTimeoutMs?: number;
  /** Told why one more connection cannot be had, while there are others. */
  readonly onOpenFailed?: (cause: unknown) => void;
  /** Asks PostgreSQL which backends that the pool cut off are still there. Without it they do not count. */
  readonly findBackends?: FindBackends | undefined;
  /** Told why PostgreSQL cannot be asked. */
  readonly onFindFailed?: (cause: unknown) => void;
  /** A connection that nobody used for so long is closed. */
  readonly idleTimeoutMs?: number;
  /** A connection of this age is replaced, because a backend's caches of catalogs only grow. */
  readonly maxLifetimeMs?: number;
}

export const POOL_DEFAULTS = {
  ownsSessions: true,
  spareConnections: 0,
  maxWaiting: 1_000,
  waitTimeoutMs: 10_000,
  openTimeoutMs: 10_000,
  idleTimeoutMs: 5 * 60_000,
  maxLifetimeMs: 30 * 60_000,
} as const;
