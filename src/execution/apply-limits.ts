// What the limits of a request mean for its exchange with PostgreSQL: how many rows are asked for, how much is received, and
// whether the commit waits until the answer is known to be within them.

import type { ExecuteRequest, Limits } from "./execute-request.ts";

/**
 * Allowed for what PostgreSQL sends besides the values, so that it is the answer's own size that decides. It holds the
 * beginning of a long error, too, and what the socket brings together with it.
 */
const PROTOCOL_BYTES = 128 * 1024;
const PROTOCOL_BYTES_A_STATEMENT = 4 * 1024;
/** An answer without rows is smaller in every form. */
const MAX_ROWLESS_ANSWER_BYTES = 1_024;
const MAX_INT32 = 2_147_483_647;

/** Execute's limit of rows, one more than may be returned; 0 for none. */
export function rowsToAskFor({ maxRows }: Limits): number {
  return maxRows === undefined || maxRows >= MAX_INT32 ? 0 : maxRows + 1;
}

/** The number of bytes that PostgreSQL may send. */
export function bytesToReceive({ maxBytes }: Limits, statementCount: number): number {
  return maxBytes + PROTOCOL_BYTES + PROTOCOL_BYTES_A_STATEMENT * (statementCount - 1);
}

/**
 * Whether a transaction that may write waits with its commit: until all rows are here, because they may be too many or too large;
 * until the command tags of a batch have shown that each statement is of a kind that may run; and, where the limit is tiny, until
 * the answer is known to fit.
 */
export function commitMustWait({ statements, limits }: ExecuteRequest): boolean {
  if (statements.length > 1 || limits.maxBytes < MAX_ROWLESS_ANSWER_BYTES) return true;
  return statements.some(({ statement }) => statement.returnsRows);
}
