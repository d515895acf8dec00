// The pipeline of one request. Start reading here. http/ passes a principal and a well-formed request. Each line of the pipeline is
// one stage. A stage that refuses throws a GatewayError, which http/error-response.ts turns into the answer.

import { isDeepStrictEqual } from "node:util";
import { type Approve, approveAll } from "./policy/approve-batch.ts";
import type { Principal } from "./auth/principal.ts";
import { encodeAnswer } from "./encoding/encode-answer.ts";
import { GatewayError } from "./base/errors.ts";
import type { ExecuteForPrincipal } from "./execution/backends.ts";
import type { ResultSet } from "./execution/results/result-set.ts";
import type { QueryAnswer, RunQuery } from "./http/route.ts";
import { maxResultBytesOf } from "./tenants/tenant-limits.ts";

/** The stages that need pools and caches. gateway.ts makes them. */
export interface QueryStages {
  /** Parses a text and judges it (sql/ and policy/), and returns a statement that this principal may run. */
  readonly approve: Approve;
  readonly execute: ExecuteForPrincipal;
  readonly maxSqlBytes: number;
  readonly maxResultBytes: number;
}

const NO_BODY = Buffer.alloc(0);
/** The operation under which a batch is logged. */
const BATCH = "BATCH";

export function createQueryPipeline({ approve, execute, maxSqlBytes, maxResultBytes }: QueryStages): RunQuery {
  return async (principal, request, { signal, approved, currentPrincipal }): Promise<QueryAnswer> => {
    const { isBatch, transaction } = request;
    const statements = await approveAll(request, principal, { approve, maxSqlBytes });
    const operation = isBatch ? BATCH : (statements[0]?.statement.operation ?? "");
    approved(operation);
    let body: Buffer = NO_BODY;
    const maxBytes = maxResultBytesOf(principal.tenant.limits, maxResultBytes);
    // The answer is encoded before the commit, so that an answer that is too large or cannot be written undoes the changes.
    const accept = (results: readonly ResultSet[]): void => void (body = encodeAnswer(results, request, maxBytes));
    if (statements.length === 0) accept([]);
    const requireRights = (): Promise<void> | undefined => requireUnchanged(principal, currentPrincipal);
    const results =
      statements.length === 0
        ? []
        : await execute(principal, { statements, isBatch, transaction, signal, requireRights, accept });
    const rowCount = results.reduce((sum, result) => sum + result.rowCount, 0);
    return { body, rowCount, operation };
  };
}

/**
 * Checks that the token's rights and tenant have not changed. The statements were judged by the rights of `principal` and would run
 * as its role, so they must not run after a change.
 */
function requireUnchanged(
  principal: Principal,
  currentPrincipal: () => Principal | Promise<Principal>,
): Promise<void> | undefined {
  const current = currentPrincipal();
  return current === principal ? undefined : Promise.resolve(current).then((now) => requireSame(principal, now));
}

function requireSame(principal: Principal, now: Principal): void {
  if (!isDeepStrictEqual(principal, now))
    throw new GatewayError("UNAVAILABLE", "The token's rights were changed while the statement waited; it was not run");
}
