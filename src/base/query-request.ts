// Describes a client's request: one statement, or several that run together, and the form of the answer. The file holds types and
// their defaults. http/ makes requests from bodies, and query.ts passes them through the stages.

import type { Parameter } from "./parameters.ts";

/** The form of a result in the answer. An option that is left out changes no byte of the answer. */
export interface ResultForm {
  /** Rows are objects, or arrays that keep every column, even columns of the same name. */
  readonly rowMode: "object" | "array";
  /** Values follow the table of docs/reference/values.md, or all of them are PostgreSQL's text. */
  readonly types: "json" | "text";
  /** True if the answer also describes the columns and has PostgreSQL's name of the command. */
  readonly withFields: boolean;
  /** The answer has Postgate's own form or that of Neon's SQL over HTTP, whose values and keys differ. */
  readonly layout: "postgate" | "neon";
}

export const DEFAULT_FORM: ResultForm = Object.freeze({
  rowMode: "object",
  types: "json",
  withFields: false,
  layout: "postgate",
});

export interface StatementRequest {
  readonly sql: string;
  readonly params: readonly Parameter[];
  readonly form: ResultForm;
}

export type IsolationLevel = "read uncommitted" | "read committed" | "repeatable read" | "serializable";

/** The options that a client may choose for the transaction that its statements run in. */
export interface TransactionOptions {
  /** If it is left out, PostgreSQL's default applies. */
  readonly isolation?: IsolationLevel | undefined;
  readonly readOnly: boolean;
  readonly deferrable: boolean;
}

export const DEFAULT_TRANSACTION: TransactionOptions = Object.freeze({ readOnly: false, deferrable: false });

export interface QueryRequest {
  /** The statements run in this order and in one transaction: all of them happen, or none. */
  readonly statements: readonly StatementRequest[];
  /** True for a batch, even a batch of one statement: the answer is a list of results, and errors name the statement. */
  readonly isBatch: boolean;
  readonly transaction: TransactionOptions;
}
