import { GatewayError } from "../base/errors.ts";

/** One tenant's own limits. The gateway's limits apply too. A field that is left out sets no limit of its own. */
export interface TenantLimits {
  readonly statementTimeoutMs?: number;
  readonly maxResultBytes?: number;
  readonly maxConcurrentQueries?: number;
  readonly requestsPerSecond?: number;
  /** Maximum number of requests that may arrive together after a pause. */
  readonly requestBurst?: number;
  /**
   * Maximum number of tables, views, materialized views and sequences, without the sequences of columns. The maximum for indexes and
   * sequences of columns together is ten times as high.
   */
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

/** The columns of `postgate_databases` that hold limits. An operator's view may lack any of them. */
export const LIMIT_COLUMNS = Object.keys(LIMIT_BY_COLUMN);

const NO_LIMITS: TenantLimits = {};

/**
 * Returns the limits of one row.
 *
 * @param columns the limits by column, as JSON, or null or undefined if there are none
 * @throws GatewayError INTERNAL_ERROR when a limit is not a number above zero. To serve without the limit would be worse.
 */
export function parseTenantLimits(columns: unknown): TenantLimits {
  if (columns === null || columns === undefined) return NO_LIMITS;
  const given = Object.entries(columns).filter(([, value]) => value !== null);
  return Object.fromEntries(given.map(([column, value]) => [nameOf(column), parseLimit(column, value)]));
}

/** Returns the lower of the gateway's limit and the tenant's own limit. */
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
