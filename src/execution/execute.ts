// Runs approved statements in one database: takes a connection, runs the statement on it, gives it back. How one statement
// is run is in statement-run.ts.

import { LRUCache } from "lru-cache";
import { GatewayError } from "../errors.ts";
import { MAX_PARAMETERS } from "../parameters.ts";
import type { ApprovedStatement } from "../policy/approved-statement.ts";
import type { Connection } from "./connection.ts";
import type { UndeterminedParameters } from "./declared-types.ts";
import { ClientGone, ConnectionUnusable, type ExecuteRequest } from "./execute-request.ts";
import type { Pool } from "./pool.ts";
import type { ResultSet } from "./result-set.ts";
import { StatementRun } from "./statement-run.ts";
import { unavailable } from "./translate-database-error.ts";
import type { TypeCatalog } from "./type-catalog.ts";

const MAX_REMEMBERED_STATEMENTS = 5_000;

export class Executor {
  readonly #pool: Pool;
  readonly #types: TypeCatalog;
  readonly #undetermined = new LRUCache<string, UndeterminedParameters>({ max: MAX_REMEMBERED_STATEMENTS });

  constructor(pool: Pool, types: TypeCatalog) {
    this.#pool = pool;
    this.#types = types;
  }

  /**
   * Runs one approved statement in a transaction of its own; settles when PostgreSQL has confirmed the commit.
   *
   * @throws GatewayError ROW_LIMIT_EXCEEDED, RESULT_TOO_LARGE: rolled back.
   * @throws GatewayError TIMEOUT: cancelled and rolled back.
   * @throws GatewayError UNAVAILABLE, INVALID_REQUEST: not run.
   * @throws GatewayError DATABASE_ERROR: refused by PostgreSQL; with sqlstate 08007 the outcome is unknown.
   * @throws TenantRoleMissing before anything has run.
   * @throws ClientGone after `signal` was aborted.
   */
  async execute(request: ExecuteRequest): Promise<ResultSet> {
    requireParameterCount(request);
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

  async #executeOnce(request: ExecuteRequest): Promise<ResultSet> {
    const connection = await this.#acquire(request);
    const run = new StatementRun(connection, request, {
      types: this.#types,
      undetermined: this.#undetermined,
      deadlines: this.#pool.deadlines,
    });
    try {
      return await run.result();
    } finally {
      run.end();
      this.#pool.release(connection);
      if (changesSchema(request.statement)) this.#pool.forgetStatementsOf(request.session.tenant);
    }
  }

  async #acquire({ session, signal }: ExecuteRequest): Promise<Connection> {
    try {
      return await this.#pool.acquire(session, signal);
    } catch (error) {
      throw signal.aborted ? new ClientGone("The client has gone; the statement was not run") : error;
    }
  }
}

function requireParameterCount({ statement, params }: ExecuteRequest): void {
  if (params.length > MAX_PARAMETERS)
    throw new GatewayError("INVALID_REQUEST", `A statement takes at most ${MAX_PARAMETERS} parameters`);
  const { parameterCount } = statement;
  if (params.length === parameterCount) return;
  const takes = `${parameterCount} parameter${parameterCount === 1 ? "" : "s"}`;
  throw new GatewayError("INVALID_REQUEST", `The statement takes ${takes}, but ${params.length} were given`);
}

/** Statements prepared before may have inferred types that are wrong now, and would change values silently. */
function changesSchema({ permissions }: ApprovedStatement): boolean {
  return permissions.some((permission) => permission === "CREATE" || permission === "ALTER" || permission === "DROP");
}
