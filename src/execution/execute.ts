// Runs approved statements in one database: takes a connection, runs a request's statements on it, gives it back. How they are
// run is in statement-run.ts.

import { errorOfStatement, GatewayError } from "../base/errors.ts";
import { Slices } from "../base/slices.ts";
import { MAX_PARAMETERS } from "../base/parameters.ts";
import type { Connection } from "./pool/connection.ts";
import type { StatementToRun } from "../policy/approved-statement.ts";
import { ClientGone, ConnectionUnusable, type ExecuteRequest } from "./execute-request.ts";
import type { Pool } from "./pool/pool.ts";
import type { ResultSet } from "./results/result-set.ts";
import { type RunResources, StatementRun } from "./statement-run.ts";
import { unavailable } from "./translate-database-error.ts";
import type { TypeCatalog } from "./results/type-catalog.ts";
import { createUndeterminedMemory } from "./parameters/undetermined-memory.ts";

/** The driver reads the count of described parameters as a signed number. */
const MAX_DESCRIBED_PARAMETERS = 32_767;
const NOBODY_WAITS = "The client has gone; the statement was not run";

export class Executor {
  readonly #pool: Pool;
  readonly #resources: RunResources;

  constructor(pool: Pool, types: TypeCatalog, slices = new Slices()) {
    this.#pool = pool;
    this.#resources = { types, undetermined: createUndeterminedMemory(), deadlines: pool.deadlines, slices };
  }

  /**
   * Runs approved statements in a transaction of their own; settles when PostgreSQL has confirmed the commit.
   *
   * @throws GatewayError ROW_LIMIT_EXCEEDED, RESULT_TOO_LARGE: rolled back.
   * @throws GatewayError TIMEOUT: cancelled and rolled back.
   * @throws GatewayError UNAVAILABLE, INVALID_REQUEST, and what `requireRights` throws: not run.
   * @throws GatewayError DATABASE_ERROR: refused by PostgreSQL; with sqlstate 08007 the outcome is unknown.
   * @throws TenantRoleMissing before anything has run.
   * @throws ClientGone after `signal` was aborted.
   */
  async execute(request: ExecuteRequest): Promise<readonly ResultSet[]> {
    requireParameterCounts(request);
    try {
      return await this.#executeOnce(request);
    } catch (error) {
      if (!(error instanceof ConnectionUnusable)) throw error;
    }
    try {
      return await this.#executeOnce(request); // An idle connection may have died unnoticed: once more, on another.
    } catch (error) {
      throw error instanceof ConnectionUnusable ? unavailable("The database cannot be used now", error) : error;
    }
  }

  async #executeOnce(request: ExecuteRequest): Promise<readonly ResultSet[]> {
    const connection = await this.#acquire(request);
    let run: StatementRun | undefined;
    try {
      const checking = request.requireRights();
      if (checking !== undefined) await checking;
      if (request.signal.aborted) throw new ClientGone(NOBODY_WAITS);
      run = new StatementRun(connection, request, this.#resources);
      return await run.result();
    } finally {
      run?.end();
      this.#pool.release(connection);
      if (run?.changesSchema === true) this.#forgetSchema(request.session.tenant);
    }
  }

  #forgetSchema(tenant: string): void {
    this.#pool.forgetStatementsOf(tenant);
    this.#resources.types.forgetTenant(tenant);
  }

  async #acquire({ session, signal }: ExecuteRequest): Promise<Connection> {
    try {
      return await this.#pool.acquire(session, signal);
    } catch (error) {
      throw signal.aborted ? new ClientGone(NOBODY_WAITS) : error;
    }
  }
}

function requireParameterCounts({ statements, isBatch }: ExecuteRequest): void {
  statements.forEach((each, index) => {
    const fault = findParameterFault(each);
    if (fault === undefined) return;
    const error = new GatewayError("INVALID_REQUEST", fault);
    throw isBatch ? errorOfStatement(error, index) : error;
  });
}

function findParameterFault({ statement: { parameterCount }, params }: StatementToRun): string | undefined {
  if (params.length > MAX_PARAMETERS) return `A statement takes at most ${MAX_PARAMETERS} parameters`;
  if (params.length !== parameterCount) {
    const takes = `${parameterCount} parameter${parameterCount === 1 ? "" : "s"}`;
    return `The statement takes ${takes}, but ${params.length} were given`;
  }
  if (params.length > MAX_DESCRIBED_PARAMETERS && params.some(({ kind }) => kind === "array"))
    return `A statement with array parameters takes at most ${MAX_DESCRIBED_PARAMETERS} parameters`;
  return undefined;
}
