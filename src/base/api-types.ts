// The wire types of POST /query, which the gateway and the client share. The file holds nothing but types.

import type { ErrorCode, ErrorDetails } from "./errors.ts";

export interface PostgateQueryRequest {
  readonly sql: string;
  /** JSON values for `$1`, `$2`, …, in this order. */
  readonly params?: readonly unknown[] | null;
  /** With `array`, each row is an array, which keeps columns of the same name apart. */
  readonly row_mode?: "object" | "array" | null;
  /** With `text`, every value is PostgreSQL's own text. */
  readonly types?: "json" | "text" | null;
  /** With true, the answer has `fields` and `command`. */
  readonly fields?: boolean | null;
  readonly isolation?: PostgateIsolation | null;
  readonly read_only?: boolean | null;
  readonly deferrable?: boolean | null;
}

type PostgateIsolation = "read committed" | "repeatable read" | "serializable";

/** Several statements in one transaction: all of them happen, or none. */
export interface PostgateBatchRequest extends Omit<PostgateQueryRequest, "sql" | "params"> {
  readonly statements: readonly Pick<PostgateQueryRequest, "sql" | "params">[];
}

export interface PostgateBatchResponse<Row = Record<string, unknown>> {
  /** One result for each statement, in the same order. */
  readonly results: PostgateQueryResponse<Row>[];
}

/** A column of a result. */
export interface PostgateField {
  readonly name: string;
  /** The name of the type, such as `int4`, `text[]` or the name of a type that the database defines. */
  readonly type: string;
  readonly oid: number;
}

export interface PostgateQueryResponse<Row = Record<string, unknown>> {
  readonly rows: Row[];
  /** The number of rows returned. A statement that returns no rows has the count of PostgreSQL's command tag. */
  readonly row_count: number;
  /** Present if the request has `fields: true`. */
  readonly fields?: readonly PostgateField[];
  /** PostgreSQL's name of the command, such as `INSERT`. Present if the request has `fields: true`. */
  readonly command?: string;
}

export interface PostgateErrorResponse extends ErrorDetails {
  readonly error: string;
  readonly code: ErrorCode;
}
