import { GatewayError } from "../base/errors.ts";

/** What one tenant may, below what the whole gateway allows; what is left out has no limit of its own. */
export interface TenantLimits {
  readonly statementTimeoutMs?: number;
  readonly maxResultBytes?: number;
  readonly maxConcurrentQueries?: number;
  readonly requestsPerSecond?: number;
  /** Requests that may come together after a pause. */
  readonly requestBurst?: number;
  /** Tables, views, materialized views and sequences of their own; ten times as many indexes. */
  readonly maxRelations?: number;
}

const LIMIT_BY_COLUMN = {
  statement_timeout_ms: "statementTimeoutMs",
  max_result_bytes: "maxResultBytes",
  max_concurrent_queries: "maxConcurrentQueries",
  requests_per_second: "requestsPerSecond",
  request_burst: "requestBurst",
  max_relations: "maxRelations",
} as const satisfies Record<string, keyof TenantLimits>;

/** The columns of `postgate_databases` that hold limits; an operator's view may lack any of them. */
export const LIMIT_COLUMNS = Object.keys(LIMIT_BY_COLUMN);

const NO_LIMITS: TenantLimits = {};

/**
 * @param columns the limits by column, as JSON; null or undefined for none at all.
 * @throws GatewayError INTERNAL_ERROR for what is no number above zero: serving without the limit would be worse.
 */
export function parseTenantLimits(columns: unknown): TenantLimits {
  if (columns === null || columns === undefined) return NO_LIMITS;
  const given = Object.entries(columns).filter(([, value]) => value !== null);
  return Object.fromEntries(given.map(([column, value]) => [nameOf(column), parseLimit(column, value)]));
}

/** The limit of the whole gateway, narrowed by the tenant's own. */
export function maxResultBytesOf({ maxResultBytes }: TenantLimits, ofGateway: number): number {
  return Math.min(ofGateway, maxResultBytes ?? ofGateway);
}

function nameOf(column: string): keyof TenantLimits {
  return LIMIT_BY_COLUMN[column as keyof typeof LIMIT_BY_COLUMN];
}

function parseLimit(column: string, value: unknown): number {
  const limit = typeof value === "number" ? value : Number.NaN;
  if (limit > 0 && limit < Infinity) return limit;
  throw new GatewayError("INTERNAL_ERROR", `This database's ${column} is no number above zero`);
}
