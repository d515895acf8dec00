// The pipeline of one request: start reading here. http/ hands over a principal and a well-formed request; each line below is one
// stage, and a stage that refuses throws a GatewayError, which http/error-response.ts turns into the answer.

import type { Principal } from "./auth/principal.ts";
import { encodeResultSet } from "./encoding/encode-result-set.ts";
import type { ExecuteRequest } from "./execution/execute-request.ts";
import type { ResultSet } from "./execution/result-set.ts";
import type { QueryAnswer, QueryContext, RunQuery } from "./http/query-route.ts";
import type { ApprovedStatement } from "./policy/approved-statement.ts";
import type { QueryRequest } from "./query-request.ts";
import { maxResultBytesOf } from "./tenants/tenant-limits.ts";

/** The stages that need more than their arguments; gateway.ts makes them. */
export interface QueryStages {
  /** sql/ and policy/: text → statement that this principal may run. */
  readonly approve: (sql: string, principal: Principal) => Promise<ApprovedStatement>;
  /** execution/: on the principal's backend, as its role, within its limits. */
  readonly execute: (
    principal: Principal,
    statement: ApprovedStatement,
    request: Pick<QueryRequest, "params"> & Pick<QueryContext, "signal"> & Pick<ExecuteRequest, "accept">,
  ) => Promise<ResultSet>;
  readonly maxResultBytes: number;
}

export function createQueryPipeline({ approve, execute, maxResultBytes }: QueryStages): RunQuery {
  return async (principal, { sql, params, form }, { signal }): Promise<QueryAnswer> => {
    const statement = await approve(sql, principal);
    let body = "";
    const maxBytes = maxResultBytesOf(principal.tenant.limits, maxResultBytes);
    // Encoded before a change is committed: an answer that is too large, or that cannot be written, undoes it.
    const accept = (result: ResultSet): void => void (body = encodeResultSet(result, maxBytes, form));
    const { rowCount } = await execute(principal, statement, { params, signal, accept });
    return { body, rowCount, operation: statement.operation };
  };
}
