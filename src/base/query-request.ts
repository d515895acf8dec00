// What a client asks for, as http/ hands it on: one statement, or several that run together, and the form of the answer.
// Types only; http/ makes them from bodies, query.ts takes them through the stages.

import type { Parameter } from "./parameters.ts";

/** The form of a result in the answer: what is left at its default changes no byte of it. */
export interface ResultForm {
  /** Rows as objects, or as arrays that keep every column, of the same name too. */
  readonly rowMode: "object" | "array";
  /** Values by the table of docs/reference/values.md, or all of them as PostgreSQL's text. */
  readonly types: "json" | "text";
  /** Also what the columns are, and PostgreSQL's name for what was done. */
  readonly withFields: boolean;
  /** Postgate's own answers, or those of Neon's SQL over HTTP, whose values and keys differ. */
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

/** What a client may choose of the transaction that its statements run in. */
export interface TransactionOptions {
  /** PostgreSQL's default where it is left out. */
  readonly isolation?: IsolationLevel | undefined;
  readonly readOnly: boolean;
  readonly deferrable: boolean;
}

export const DEFAULT_TRANSACTION: TransactionOptions = Object.freeze({ readOnly: false, deferrable: false });

export interface QueryRequest {
  /** They run in this order, all or none of them. */
  readonly statements: readonly StatementRequest[];
  /** Answered as a list of results; errors name the statement. A single statement is not, a batch of one is. */
  readonly isBatch: boolean;
  readonly transaction: TransactionOptions;
}
