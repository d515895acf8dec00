// Judges all statements of a request before any of them runs, and bounds what a batch costs the judge as a whole. judge.ts and
// approve.ts decide what may run.

import { setImmediate } from "node:timers/promises";
import type { Principal } from "../auth/principal.ts";
import { errorOfStatement, GatewayError, refusal } from "../base/errors.ts";
import type { ApprovedStatement, StatementToRun } from "./approved-statement.ts";
import type { QueryRequest, StatementRequest } from "../base/query-request.ts";

export type Approve = (sql: string, principal: Principal) => Promise<ApprovedStatement>;

export interface JudgingOptions {
  readonly approve: Approve;
  /** Maximum total size of the texts of a batch, in bytes of UTF-8. A text that occurs again is judged once and counts once. */
  readonly maxSqlBytes: number;
}

/** A batch that has kept the judge busy for this long lets other requests have their turn. */
const MAX_TURN_MS = 5;

/**
 * Approves each statement of a request, in order.
 *
 * @throws GatewayError as `approve` does, and PARSE_ERROR: TOO_COMPLEX when the texts of a batch are too long together. In a batch, the
 * error has the statement's number in it.
 */
export async function approveAll(
  { statements, isBatch }: Pick<QueryRequest, "statements" | "isBatch">,
  principal: Principal,
  { approve, maxSqlBytes }: JudgingOptions,
): Promise<readonly StatementToRun[]> {
  const [first] = statements;
  if (!isBatch && first !== undefined)
    return [{ params: first.params, statement: await approve(first.sql, principal) }];
  requireModestSql(statements, maxSqlBytes);
  const approved: StatementToRun[] = [];
  const judged = new Map<string, ApprovedStatement>();
  let turnBegan = performance.now();
  for (const { sql, params } of statements) {
    const statement = judged.get(sql) ?? (await named(approve(sql, principal), approved.length));
    judged.set(sql, statement);
    approved.push({ params, statement });
    if (approved.length === statements.length || performance.now() - turnBegan < MAX_TURN_MS) continue;
    await setImmediate();
    turnBegan = performance.now();
  }
  return approved;
}

function named(approval: Promise<ApprovedStatement>, statement: number): Promise<ApprovedStatement> {
  return approval.catch((error: unknown) => {
    throw error instanceof GatewayError ? errorOfStatement(error, statement) : error;
  });
}

function requireModestSql(statements: readonly StatementRequest[], maxSqlBytes: number): void {
  const texts = new Set<string>();
  let bytes = 0;
  for (const [index, { sql }] of statements.entries()) {
    if (texts.has(sql)) continue;
    texts.add(sql);
    bytes += Buffer.byteLength(sql);
    if (bytes > maxSqlBytes)
      throw errorOfStatement(
        refusal(
          "TOO_COMPLEX",
          `The statements are too long together (max: ${maxSqlBytes} bytes); send fewer at a time`,
        ),
        index,
      );
  }
}
