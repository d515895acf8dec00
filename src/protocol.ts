// The wire types of POST /query, shared by the gateway and the client. Types only.

import type { ErrorCode, ErrorDetails } from "./errors.ts";

export interface PostgateQueryRequest {
  readonly sql: string;
  /** JSON values; their order is that of `$1`, `$2`, … */
  readonly params?: readonly unknown[] | null;
}

export interface PostgateQueryResponse<Row = Record<string, unknown>> {
  readonly rows: Row[];
  /** Rows returned, or for a statement without rows the count in PostgreSQL's command tag. */
  readonly row_count: number;
}

export interface PostgateErrorResponse extends ErrorDetails {
  readonly error: string;
  readonly code: ErrorCode;
}
