// The wire types of POST /query, shared by the gateway and the client. Types only.

import type { ErrorCode, ErrorDetails } from "./errors.ts";

export interface PostgateQueryRequest {
  readonly sql: string;
  /** JSON values; their order is that of `$1`, `$2`, … */
  readonly params?: readonly unknown[] | null;
  /** `array`: rows as arrays, so that columns of one name are all kept. */
  readonly row_mode?: "object" | "array" | null;
  /** `text`: every value as PostgreSQL's own text. */
  readonly types?: "json" | "text" | null;
  /** Asks for `fields` and `command`. */
  readonly fields?: boolean | null;
  readonly isolation?: PostgateIsolation | null;
  readonly read_only?: boolean | null;
  readonly deferrable?: boolean | null;
}

type PostgateIsolation = "read committed" | "repeatable read" | "serializable";

/** Several statements in one transaction, all or nothing. */
export interface PostgateBatchRequest extends Omit<PostgateQueryRequest, "sql" | "params"> {
  readonly statements: readonly Pick<PostgateQueryRequest, "sql" | "params">[];
}

export interface PostgateBatchResponse<Row = Record<string, unknown>> {
  /** One for each statement. */
  readonly results: PostgateQueryResponse<Row>[];
}

/** A column of a result. */
export interface PostgateField {
  readonly name: string;
  /** Such as `int4`, `text[]` or the name of a type of the database's own. */
  readonly type: string;
  readonly oid: number;
}

export interface PostgateQueryResponse<Row = Record<string, unknown>> {
  readonly rows: Row[];
  /** Rows returned, or for a statement without rows the count in PostgreSQL's command tag. */
  readonly row_count: number;
  /** Where the request asked for it. */
  readonly fields?: readonly PostgateField[];
  /** Where `fields` was asked for: PostgreSQL's name for what was done, such as `INSERT`. */
  readonly command?: string;
}

export interface PostgateErrorResponse extends ErrorDetails {
  readonly error: string;
  readonly code: ErrorCode;
}
