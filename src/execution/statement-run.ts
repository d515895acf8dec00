// One statement on one connection: what is sent, what is tried again because nothing has run yet, and what an outcome means
// to the caller. Also stops it: at its deadline, or when its client has gone.

import type { LRUCache } from "lru-cache";
import type pg from "pg";
import { GatewayError, resultTooLarge } from "../errors.ts";
import type { Connection } from "./connection.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import { declaredTypes, moreUndetermined, type UndeterminedParameters } from "./declared-types.ts";
import type { Outcome, Rows, Stage } from "./exchange.ts";
import { ClientGone, ConnectionUnusable, type ExecuteRequest, TenantRoleMissing } from "./execute-request.ts";
import { arrayForm, parameterText } from "./parameter-text.ts";
import type { PreparedStatement } from "./prepared-statements.ts";
import type { ResultSet } from "./result-set.ts";
import { isForSession } from "./session.ts";
import {
  outcomeUnknown,
  QUERY_CANCELED,
  queryTimeout,
  translateDatabaseError,
  unavailable,
} from "./translate-database-error.ts";
import type { TypeCatalog } from "./type-catalog.ts";

export interface RunResources {
  readonly types: TypeCatalog;
  /** By session and text: the parameters whose type PostgreSQL could not infer. */
  readonly undetermined: LRUCache<string, UndeterminedParameters>;
  readonly deadlines: Deadlines;
}

/** What statement_timeout cannot stop (long loops inside one function) is cut off so much later. */
const GRACE_MS = 2_000;
/** How long PostgreSQL may take to answer after it has taken note of a cancel: then the outcome is not guessed. */
const LAST_WORD_MS = 1_000;
/** Allowed for what PostgreSQL sends besides the values, so that it is the answer's own size that decides. */
const PROTOCOL_BYTES = 64 * 1024;
const MAX_INT32 = 2_147_483_647;
/** The driver reads the count of described parameters as a signed number. */
const MAX_DESCRIBED_PARAMETERS = 32_767;

/** What set_config('role', …) says when there is no such role, or when the login is no member of it. */
const ROLE_MISSING: ReadonlySet<string> = new Set(["22023", "42501", "42704"]);
const READ_ONLY_TRANSACTION = "25006";
/** The name is taken by a PREPARE in SQL: whatever ran it, the connection is not to be trusted. */
const DUPLICATE_PREPARED_STATEMENT = "42P05";

type Refused = Extract<Outcome, { kind: "refused" }>;
type Lost = Extract<Outcome, { kind: "lost" }>;

export class StatementRun implements Deadline {
  deadlineAt: number;
  readonly #connection: Connection;
  readonly #request: ExecuteRequest;
  readonly #resources: RunResources;
  readonly #memoryKey: string;
  #undetermined: UndeterminedParameters;
  #statementKey = "";
  #statement: PreparedStatement | undefined;
  #startedAt = 0;
  #stoppedBy: "deadline" | "client" | undefined;
  #cutting: NodeJS.Timeout | undefined;
  #hasReparsed = false;
  /** So that whatever is called in a statement that only reads changes nothing before the limits are decided. */
  #isReadOnly: boolean;
  /** What the caller has accepted before the commit. */
  #accepted: ResultSet | undefined;
  /** The error that made us declare types by guess: told when the guess does not help. */
  #ambiguity: pg.DatabaseError | undefined;

  constructor(connection: Connection, request: ExecuteRequest, resources: RunResources) {
    this.#connection = connection;
    this.#request = request;
    this.#resources = resources;
    this.#memoryKey = `${request.session.key}\0${request.statement.text}`;
    this.#undetermined = resources.undetermined.get(this.#memoryKey) ?? [];
    this.#isReadOnly = request.session.readOnly || !request.statement.writes;
    this.deadlineAt = performance.now() + request.limits.timeoutMs + GRACE_MS;
    resources.deadlines.add(this);
    request.signal.addEventListener("abort", this.#clientGone, { once: true });
  }

  async result(): Promise<ResultSet> {
    for (;;) {
      this.#throwIfStopped();
      const statement = this.#prepared();
      const parses = !statement.isParsed;
      this.#startedAt = performance.now();
      const needsTypes = statement.parameterTypes === undefined && this.#hasArrays();
      const outcome = await (needsTypes ? this.#describe(statement) : this.#run(statement));
      if (outcome.kind === "refused") this.#retryOrThrow(outcome, parses);
      else if (outcome.kind === "lost") throw this.#lost(outcome, needsTypes);
      else if (outcome.kind === "described") await this.#described(statement, outcome.parameterTypes);
      else if (outcome.kind === "completed") return await this.#completed(outcome);
      else throw this.#overLimit(outcome);
    }
  }

  /** After `result` has settled, before the connection is given back. */
  end(): void {
    this.#resources.deadlines.delete(this);
    clearTimeout(this.#cutting);
    this.#request.signal.removeEventListener("abort", this.#clientGone);
  }

  /** The deadline has passed: PostgreSQL is told, and when it does not answer the connection is cut. */
  expire(): void {
    this.#stoppedBy ??= "deadline";
    void this.#connection.cancel().then(() => {
      this.#cutting = setTimeout(() => this.#connection.destroy(), LAST_WORD_MS).unref();
    });
  }

  readonly #clientGone = (): void => {
    this.#stoppedBy ??= "client";
    this.deadlineAt = Math.min(this.deadlineAt, performance.now() + GRACE_MS);
    void this.#connection.cancel();
  };

  #prepared(): PreparedStatement {
    const { session, statement } = this.#request;
    const types = declaredTypes(this.#request.params, this.#undetermined);
    const key = `${session.key}\0${types.join()}\0${statement.text}`;
    if (this.#statement === undefined || this.#statementKey !== key) {
      this.#statementKey = key;
      this.#statement = this.#connection.statements.findOrAdd(key, session.tenant);
    }
    if (!this.#connection.ownsSession) this.#statement.isParsed = false; // That was on another session.
    return this.#statement;
  }

  #hasArrays(): boolean {
    const { params } = this.#request;
    const hasArrays = params.some(({ kind }) => kind === "array");
    if (hasArrays && params.length > MAX_DESCRIBED_PARAMETERS)
      throw new GatewayError(
        "INVALID_REQUEST",
        `A statement with array parameters takes at most ${MAX_DESCRIBED_PARAMETERS} parameters`,
      );
    return hasArrays;
  }

  /** Parses the statement and asks which types its parameters have; runs nothing of it. */
  #describe(statement: PreparedStatement): Promise<Outcome> {
    const { writer, fixedCount } = this.#open(statement);
    const request = writer.describeStatement(statement.name).sync().take();
    return this.#connection.run({ request, fixedCount, parsing: unparsed(statement), maxBytes: this.#maxBytes });
  }

  #run(statement: PreparedStatement): Promise<Outcome> {
    const { maxRows } = this.#request.limits;
    const rowLimit = maxRows === undefined || maxRows >= MAX_INT32 ? 0 : maxRows + 1;
    const { writer, fixedCount } = this.#open(statement);
    writer.bind(statement.name, this.#values(statement)).describePortal().execute(rowLimit);
    const plan = { fixedCount, parsing: unparsed(statement), maxBytes: this.#maxBytes };
    if (this.#isReadOnly || !this.#request.statement.returnsRows)
      return this.#connection.run({ ...plan, request: writer.sync().take() });
    // It may still have to be undone when its rows are too many, so the commit waits until they are all here.
    return this.#connection.run({
      ...plan,
      request: writer.flush().take(),
      confirm: (rows) => this.#accept(rows),
    });
  }

  get #maxBytes(): number {
    return this.#request.limits.maxBytes + PROTOCOL_BYTES;
  }

  #open(statement: PreparedStatement): ReturnType<Connection["begin"]> {
    const session = { ...this.#request.session, readOnly: this.#isReadOnly };
    const opening = this.#connection.begin(session, this.#request.limits.timeoutMs);
    if (statement.isParsed) return opening;
    const types = declaredTypes(this.#request.params, this.#undetermined);
    opening.writer.parse(statement.name, this.#request.statement.text, types);
    return opening;
  }

  #values({ parameterTypes = [] }: PreparedStatement): readonly (string | null)[] {
    const userTypes = this.#resources.types.find(parameterTypes);
    return this.#request.params.map((parameter, position) =>
      parameterText(
        parameter,
        parameter.kind === "array" ? arrayForm(parameterTypes[position] ?? 0, userTypes) : undefined,
      ),
    );
  }

  async #described(statement: PreparedStatement, parameterTypes: readonly number[]): Promise<void> {
    this.#connection.committed(this.#request.session);
    statement.parameterTypes = parameterTypes;
    const { types } = this.#resources;
    if (types.knows(parameterTypes)) return;
    await types.load(parameterTypes).catch((cause: unknown) => {
      throw unavailable("The types of the parameters cannot be looked up", cause);
    });
  }

  async #completed(rows: Rows): Promise<ResultSet> {
    this.#connection.committed(this.#request.session);
    if (isForSession(rows.commandTag)) this.#connection.destroy(); // The judge was wrong: nobody uses it again.
    if (this.#undetermined.length > 0) this.#resources.undetermined.set(this.#memoryKey, this.#undetermined);
    return this.#accepted ?? this.#accept(rows);
  }

  /** The result with the types in it, as the caller accepts it. */
  async #accept({ fields, returnsRows, rows, commandTag }: Rows): Promise<ResultSet> {
    const { types } = this.#resources;
    const typeOids = fields.map(({ typeOid }) => typeOid);
    if (!types.knows(typeOids))
      await types.load(typeOids).catch((cause: unknown) => {
        throw unavailable("The types of the result cannot be looked up", cause);
      });
    const rowCount = returnsRows ? rows.length : countIn(commandTag);
    const result: ResultSet = { fields, rows, rowCount, commandTag, userTypes: types.find(typeOids) };
    this.#request.accept(result);
    this.#accepted = result;
    return result;
  }

  /** Returns when the statement, of which nothing has run, is to be tried again. */
  #retryOrThrow({ stage, error }: Refused, parsed: boolean): void {
    if (isAhead(stage) && this.#stoppedBy === undefined) throw this.#settingsRefused(stage, error);
    if (error.code === QUERY_CANCELED) throw this.#cancelled(error);
    if (stage === "parse" && error.code === DUPLICATE_PREPARED_STATEMENT) throw this.#unusable(error);
    if (!this.#mayRunAgain({ stage, error }, parsed)) throw translateDatabaseError(this.#ambiguity ?? error);
  }

  #mayRunAgain({ stage, error }: Pick<Refused, "stage" | "error">, parsed: boolean): boolean {
    if (error.code === READ_ONLY_TRANSACTION) return this.#allowWriting();
    if (stage === "bind") return this.#reparse(parsed);
    return stage === "parse" && this.#declareMore(error);
  }

  /** What the connection had prepared may no longer fit the tables, or be gone: parsed anew, the error may not be one. */
  #reparse(isFresh: boolean): boolean {
    if (isFresh || this.#hasReparsed) return false;
    this.#hasReparsed = true;
    this.#connection.statements.forget(this.#statementKey);
    this.#statement = undefined;
    return true;
  }

  /** A view, or a type, calls a function that writes: once more, with the commit held back. */
  #allowWriting(): boolean {
    if (!this.#isReadOnly || this.#request.session.readOnly) return false;
    this.#isReadOnly = false;
    return true;
  }

  #declareMore(error: pg.DatabaseError): boolean {
    const more = moreUndetermined(error, this.#undetermined, this.#request.params.length);
    if (more === undefined) return false;
    if (error.code !== "42P18") this.#ambiguity ??= error;
    this.#undetermined = more;
    return true;
  }

  #settingsRefused(stage: Stage, error: pg.DatabaseError): Error {
    const isRoleMissing = stage === "settings" && ROLE_MISSING.has(error.code ?? "");
    if (this.#request.session.role === undefined || !isRoleMissing) return this.#unusable(error);
    this.#connection.destroy();
    return new TenantRoleMissing("The tenant's role cannot be taken", { cause: error });
  }

  #unusable(error: pg.DatabaseError | undefined): Error {
    this.#connection.destroy();
    return new ConnectionUnusable("The connection failed before the statement was run", { cause: error });
  }

  #lost(outcome: Lost, wasDescribing: boolean): Error {
    const { isSent, stage, error } = outcome;
    if (this.#stoppedBy === "deadline" && !wasDescribing && this.#mayHaveCommitted(outcome))
      return outcomeUnknown(error);
    if (this.#stoppedBy !== undefined) return this.#cancelled(error);
    // With a farewell from the server it is sure that it came no further than its last answer.
    const hasRun = isSent && !wasDescribing && !(isAhead(stage) && error !== undefined);
    return hasRun ? outcomeUnknown(error) : this.#unusable(error);
  }

  #mayHaveCommitted({ isSyncSent, error }: Lost): boolean {
    return isSyncSent && !this.#isReadOnly && error?.code !== QUERY_CANCELED;
  }

  #cancelled(error: pg.DatabaseError | undefined): Error {
    if (this.#stoppedBy === "client") return new ClientGone("The client has gone; the statement was cancelled");
    const isLate = performance.now() - this.#startedAt >= this.#request.limits.timeoutMs;
    if (this.#stoppedBy === "deadline" || isLate || error === undefined) return queryTimeout(error);
    return translateDatabaseError(error); // Somebody else cancelled it.
  }

  #overLimit(outcome: Extract<Outcome, { kind: "too-many-rows" | "too-many-bytes" | "not-confirmed" }>): unknown {
    if (outcome.kind === "not-confirmed") return outcome.error;
    const { maxRows, maxBytes } = this.#request.limits;
    if (outcome.kind === "too-many-bytes") return resultTooLarge(maxBytes);
    return new GatewayError("ROW_LIMIT_EXCEEDED", `Row limit exceeded (max: ${maxRows ?? 0})`, {
      details: { max_rows: maxRows ?? 0 },
    });
  }

  #throwIfStopped(): void {
    if (this.#stoppedBy !== undefined) throw this.#cancelled(undefined);
  }
}

/** The statement itself had not been reached. */
function isAhead(stage: Stage): boolean {
  return stage === "reset" || stage === "settings";
}

function unparsed(statement: PreparedStatement): PreparedStatement | undefined {
  return statement.isParsed ? undefined : statement;
}

/** `INSERT 0 5` → 5; `CREATE TABLE` → 0. */
function countIn(commandTag: string): number {
  return Number(/\d+$/.exec(commandTag)?.[0] ?? 0);
}
