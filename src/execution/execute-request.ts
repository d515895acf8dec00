// What execution is asked for, and the outcomes that are no answer to the caller.

import type { CancelSignal } from "../base/cancel-signal.ts";
import type { StatementToRun } from "../policy/approved-statement.ts";
import type { TransactionOptions } from "../base/query-request.ts";
import type { ResultSet } from "./results/result-set.ts";
import type { Session } from "./session.ts";

export interface ExecuteRequest {
  /** One or more: they run in this order in one transaction, all or none of them. */
  readonly statements: readonly StatementToRun[];
  /** Errors name their statement. */
  readonly isBatch: boolean;
  readonly transaction: TransactionOptions;
  readonly session: Session;
  /** Of all statements together. */
  readonly limits: Limits;
  /**
   * Called once with the complete results, one for each statement. Where data was changed and rows are returned that is
   * before the commit, and what it throws rolls back.
   */
  readonly accept: (results: readonly ResultSet[]) => void;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: CancelSignal;
  /** Called when there is a connection: what it throws, or gives and rejects with, keeps the statements from running. */
  readonly requireRights: () => Promise<void> | undefined;
}

export interface Limits {
  readonly timeoutMs: number;
  /** Rows that may be returned; undefined for no limit. */
  readonly maxRows: number | undefined;
  /** Bytes of the answer; far more than that is not even received. */
  readonly maxBytes: number;
  /** For statements that change the schema; undefined where these are not guarded. */
  readonly schema?: SchemaLimits | undefined;
}

export interface SchemaLimits {
  /** Tables, views and sequences in the schema; ten times as many indexes. Undefined for no limit. */
  readonly maxRelations: number | undefined;
  /** Objects that one transaction may lock while it changes the schema. */
  readonly maxLocks: number;
}

/** The role of the session does not exist, or the login may not take it. Nothing was run. */
export class TenantRoleMissing extends Error {
  override readonly name = "TenantRoleMissing";
}

/** Whoever asked has gone: the statement was not run, or it was cancelled and rolled back. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/** The connection failed before anything of the statement ran on it: another connection may do. */
export class ConnectionUnusable extends Error {
  override readonly name = "ConnectionUnusable";
}
