// One request's statements on one connection, in one transaction: what is tried again because it was rolled back, and what an
// outcome means to the caller. Also stops it: at its deadline, or when its client has gone.

import type pg from "pg";
import { errorOfStatement, GatewayError, resultTooLarge } from "../base/errors.ts";
import type { Slices } from "../base/slices.ts";
import { bytesToReceive, commitMustWait, rowsToAskFor } from "./apply-limits.ts";
import type { Connection } from "./pool/connection.ts";
import { createSteps } from "./create-steps.ts";
import type { Appointment, Deadline, Deadlines } from "./pool/deadlines.ts";
import type { Outcome, Rows, Stage } from "./exchange.ts";
import { ClientGone, ConnectionUnusable, type ExecuteRequest, TenantRoleMissing } from "./execute-request.ts";
import { MessageWriter } from "../wire/message-writer.ts";
import { type Piece, Pipeline, type WrittenTypeGuard } from "./pipeline.ts";
import type { ResultSet, UserType } from "./results/result-set.ts";
import { changesSchema } from "./schema-change.ts";
import { guardsOf } from "./schema-guards.ts";
import { isForSession, transactionSettings } from "./session.ts";
import type { Step } from "./step.ts";
import { requireKnownArrays, toResultSets, typeOidsOf } from "./results/to-result-sets.ts";
import {
  batchCutOff,
  outcomeUnknown,
  QUERY_CANCELED,
  queryTimeout,
  translateDatabaseError,
} from "./translate-database-error.ts";
import { withoutValues } from "./without-values.ts";
import { requireKnownTypes } from "./parameters/require-known-types.ts";
import type { TypeCatalog } from "./results/type-catalog.ts";
import type { UndeterminedMemory } from "./parameters/undetermined-memory.ts";

export interface RunResources {
  readonly types: TypeCatalog;
  readonly undetermined: UndeterminedMemory;
  readonly deadlines: Deadlines;
  readonly slices: Slices;
}

/** What statement_timeout cannot stop (long loops inside one function) is cut off so much later. */
const GRACE_MS = 2_000;
/** How long PostgreSQL may take to answer after it has taken note of a cancel: then the outcome is not guessed. */
const LAST_WORD_MS = 1_000;

/** What set_config('role', …) says when there is no such role, or when the login is no member of it. */
const ROLE_MISSING: ReadonlySet<string> = new Set(["22023", "42501", "42704"]);
const READ_ONLY_TRANSACTION = "25006";
const INVALID_TEXT = "22P02";
const OUT_OF_MEMORY = "53200";
/** The name is taken by a PREPARE in SQL: whatever ran it, the connection is not to be trusted. */
const DUPLICATE_PREPARED_STATEMENT = "42P05";

const UNDEFINED_TABLE = "42P01";
/** The classes of errors with which PostgreSQL says that a type guard does not hold, or that it cannot run. */
const GUARD_FAILURES: ReadonlySet<string> = new Set(["0A", "22", "26", "3F", "42", "54", "XX"]);

type Refused = Extract<Outcome, { kind: "refused" }>;
type Lost = Extract<Outcome, { kind: "lost" }>;
type Stopped = Extract<Outcome, { kind: "too-many-rows" | "too-many-bytes" | "for-session" | "not-confirmed" }>;

export class StatementRun implements Deadline {
  deadlineAt: number;
  readonly #appointment: Appointment;
  readonly #connection: Connection;
  readonly #request: ExecuteRequest;
  readonly #resources: RunResources;
  readonly #steps: readonly Step[];
  readonly changesSchema: boolean;
  #startedAt = 0;
  #stoppedBy: "deadline" | "client" | undefined;
  #cutting: NodeJS.Timeout | undefined;
  #hasReparsed = false;
  /** So that whatever is called in statements that only read changes nothing before the limits are decided. */
  #isReadOnly: boolean;
  /** What the caller has accepted before the commit. */
  #accepted: readonly ResultSet[] | undefined;

  constructor(connection: Connection, request: ExecuteRequest, resources: RunResources) {
    const { statements, session, transaction, limits, signal } = request;
    this.#connection = connection;
    this.#request = request;
    this.#resources = resources;
    this.#steps = createSteps(request, connection.statements, resources.undetermined);
    this.changesSchema = statements.some(({ statement }) => changesSchema(statement));
    const writes = statements.some(({ statement }) => statement.writes) || this.#steps.some((step) => step.hasWritten);
    this.#isReadOnly = session.readOnly || transaction.readOnly || !writes;
    // PostgreSQL's own timeout is each statement's; that of several together is kept here.
    this.deadlineAt = performance.now() + limits.timeoutMs + (statements.length > 1 ? 0 : GRACE_MS);
    this.#appointment = resources.deadlines.add(this);
    signal.addEventListener("abort", this.#clientGone);
  }

  async result(): Promise<readonly ResultSet[]> {
    for (;;) {
      this.#throwIfStopped();
      this.#startedAt = performance.now();
      const pipeline = this.#createPipeline();
      const isTyped = this.#steps.some(({ dependsOnTypes }) => dependsOnTypes);
      const userTypes = isTyped ? await this.#parameterTypes(pipeline) : undefined;
      const outcome = await this.#run(pipeline, userTypes);
      if (outcome.kind === "refused") this.#refused(outcome, pipeline);
      else if (outcome.kind === "lost") throw this.#lost(outcome, pipeline);
      else if (outcome.kind === "completed") return await this.#completed(outcome.results);
      else throw this.#stopped(outcome);
    }
  }

  /** After `result` has settled, before the connection is given back. */
  end(): void {
    this.#resources.deadlines.delete(this.#appointment);
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

  #createPipeline(): Pipeline {
    const { statements, session, limits } = this.#request;
    return new Pipeline({
      steps: this.#steps,
      guards: guardsOf(statements, limits.schema),
      rowLimit: rowsToAskFor(limits),
      isHeld: !this.#isReadOnly && commitMustWait(this.#request),
      interlude: this.#connection.interlude(session, this.#isReadOnly),
    });
  }

  #run(pipeline: Pipeline, userTypes: ReadonlyMap<number, UserType> | undefined): Promise<Outcome> {
    const { session, transaction, limits } = this.#request;
    const { writer, fixedCount } = this.#connection.begin({
      forgetsSequences: this.#steps.some(({ statement }) => statement.readsSequences),
      session,
      isReadOnly: this.#isReadOnly,
      timeoutMs: limits.timeoutMs,
      transaction: transactionSettings(transaction, this.#isReadOnly),
    });
    const guardCount = pipeline.guardTypes(writer);
    return this.#connection.run({
      first: pipeline.next(writer, userTypes),
      fixedCount: fixedCount + guardCount,
      guardCount,
      statementCount: this.#steps.length,
      maxBytes: bytesToReceive(limits, this.#steps.length),
      maxRows: limits.maxRows ?? Number.POSITIVE_INFINITY,
      mayWrite: !this.#isReadOnly,
      next: () => this.#nextPiece(pipeline),
      confirm: async (results) => await this.#accept(results),
    });
  }

  async #nextPiece(pipeline: Pipeline): Promise<Piece> {
    const userTypes = await this.#parameterTypes(pipeline);
    this.#throwIfStopped();
    return pipeline.next(new MessageWriter(), userTypes);
  }

  /** The transaction may make types that no look-up shows before its commit. */
  get #makesTypes(): boolean {
    return this.changesSchema && this.#steps.length > 1;
  }

  /** What the catalog says of the parameters' types where their form depends on them, as far as PostgreSQL has told which they are. */
  async #parameterTypes({ waiting }: Pipeline): Promise<ReadonlyMap<number, UserType>> {
    const oids = waiting.flatMap((step) => (step.dependsOnTypes ? step.typesOfForms : []));
    const { isBatch, session } = this.#request;
    const userTypes = await this.#resources.types.get(oids, session.tenant, "parameters");
    requireKnownTypes({ steps: this.#steps, waiting, isBatch, makesTypes: this.#makesTypes }, userTypes);
    for (const step of waiting)
      for (const literal of step.writeLongArrays(userTypes)) await this.#resources.slices.run(session.tenant, literal);
    return userTypes;
  }

  #completed(results: readonly Rows[]): readonly ResultSet[] | Promise<readonly ResultSet[]> {
    this.#connection.committed(this.#request.session);
    // The judge was wrong: nobody uses it again.
    if (results.some(({ commandTag }) => isForSession(commandTag))) this.#connection.destroy();
    for (const step of this.#steps) step.completed();
    return this.#accepted ?? this.#accept(results);
  }

  /** The results with their types in them, as the caller accepts them: at once where all types are known. */
  #accept(results: readonly Rows[]): readonly ResultSet[] | Promise<readonly ResultSet[]> {
    const { tenant } = this.#request.session;
    const userTypes = this.#resources.types.get(typeOidsOf(results), tenant, "result");
    if (!(userTypes instanceof Promise)) return this.#acceptAs(results, userTypes);
    return userTypes.then((loaded) => this.#acceptAs(results, loaded));
  }

  #acceptAs(results: readonly Rows[], userTypes: ReadonlyMap<number, UserType>): readonly ResultSet[] {
    requireKnownArrays(results, userTypes, this.#makesTypes);
    const accepted = toResultSets(results, userTypes);
    this.#request.accept(accepted);
    this.#accepted = accepted;
    return accepted;
  }

  #refused(refused: Refused, pipeline: Pipeline): void {
    const { stage, statement: place, error } = refused;
    if (stage !== "guard") {
      this.#retryOrThrow(refused, pipeline);
      return;
    }
    if (this.#leaveGuard(error, pipeline.typeGuardAt(place))) return;
    this.#retryOrThrow({ ...refused, statement: pipeline.statementOfTypeGuard(place) }, pipeline);
  }

  /** Returns when the statements, of which everything was rolled back, are to be tried again. */
  #retryOrThrow({ stage, statement, error }: Refused, pipeline: Pipeline): void {
    if (isAhead(stage) && this.#stoppedBy === undefined) throw this.#settingsRefused(stage, error);
    if (error.code === QUERY_CANCELED) throw this.#errorOf(statement, this.#cancelled(error));
    // The session may itself have grown to its limit, by what it remembers of tables, and would then refuse others' statements.
    if (error.code === OUT_OF_MEMORY) this.#connection.destroy();
    if (stage === "rights") throw batchCutOff(this.#unusable(error)); // A statement of the batch took away what sets rights.
    if (stage === "parse" && error.code === DUPLICATE_PREPARED_STATEMENT) throw this.#unusable(error);
    const step = this.#steps[statement];
    if (this.#mayRunAgain({ stage, error, step }, pipeline)) return;
    throw this.#errorOf(statement, this.#toTell(stage, step, error));
  }

  /** Until a statement runs, PostgreSQL has read nothing but its text and its parameters, which are the caller's own. */
  #toTell(stage: Stage, step: Step | undefined, error: pg.DatabaseError): GatewayError {
    const told = translateDatabaseError(step?.errorToTell(error) ?? error, stage === "bind");
    const hasRun = stage === "run" || stage === "commit";
    return hasRun && this.#request.session.hidesValues ? withoutValues(told, step?.statement) : told;
  }

  #mayRunAgain(
    { stage, error, step }: Pick<Refused, "stage" | "error"> & { readonly step: Step | undefined },
    pipeline: Pipeline,
  ): boolean {
    if (error.code === READ_ONLY_TRANSACTION) return this.#allowWriting(step);
    if (step === undefined) return false;
    if (stage === "bind") return this.#typeNumbers(error) || (!pipeline.hasParsed(step) && this.#reparse());
    return stage === "parse" && step.declareMore(error);
  }

  /** It may have been 5.0 for an integer, which PostgreSQL takes as 5 alone: once more, with all numbers as their types ask for. */
  #typeNumbers({ code }: pg.DatabaseError): boolean {
    return code === INVALID_TEXT && this.#steps.filter((step) => step.typeNumbers()).length > 0;
  }

  /** What the connection had prepared may no longer fit the tables, or be gone: parsed anew, the error may not be one. */
  #reparse(): boolean {
    if (this.#hasReparsed) return false;
    this.#hasReparsed = true;
    for (const step of this.#steps) step.forget();
    return true;
  }

  /**
   * A type guard that was kept has failed: the schema is not the one that the kept statements were parsed against. A new one
   * fails where the login may not read the relation, and where there is none: then the statement itself tells.
   */
  #leaveGuard(error: pg.DatabaseError, { isNew, prepared }: WrittenTypeGuard): boolean {
    if (!GUARD_FAILURES.has(error.code?.slice(0, 2) ?? "")) return false;
    if (!isNew && !this.#hasReparsed) {
      this.#hasReparsed = true;
      const { tenant } = this.#request.session;
      this.#connection.statements.forgetTenant(tenant);
      this.#resources.types.forgetTenant(tenant);
      for (const step of this.#steps) step.forget();
      return true;
    }
    prepared.isRefused = isNew && error.code !== UNDEFINED_TABLE;
    for (const step of this.#steps) step.parseAnew();
    return true;
  }

  /** A view, or a type, calls a function that writes: once more, with the commit held back. */
  #allowWriting(step: Step | undefined): boolean {
    const { session, transaction } = this.#request;
    if (!this.#isReadOnly || session.readOnly || transaction.readOnly) return false;
    this.#isReadOnly = false;
    step?.foundWriting();
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

  #lost(outcome: Lost, { hasExecuted }: Pipeline): Error {
    const { isSent, stage, error } = outcome;
    if (this.#stoppedBy === "deadline" && this.#mayHaveCommitted(outcome)) return outcomeUnknown(error);
    if (this.#stoppedBy !== undefined) return this.#cancelled(error);
    // With a farewell from the server it is sure that it came no further than its last answer.
    const hasRun = isSent && hasExecuted && !((isAhead(stage) || stage === "guard") && error !== undefined);
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

  #stopped(outcome: Stopped): unknown {
    if (outcome.kind === "not-confirmed") return outcome.error;
    if (outcome.kind === "for-session") return batchCutOff(new Error(`Command tag ${outcome.commandTag}`));
    const { maxRows, maxBytes } = this.#request.limits;
    if (outcome.kind === "too-many-bytes") return resultTooLarge(maxBytes);
    const error = new GatewayError("ROW_LIMIT_EXCEEDED", `Row limit exceeded (max: ${maxRows ?? 0})`, {
      details: { max_rows: maxRows ?? 0 },
    });
    return this.#errorOf(outcome.statement, error);
  }

  /** A batch's error names its statement; one of the commit is none of them. */
  #errorOf(statement: number, error: Error): Error {
    const isNamed = this.#request.isBatch && error instanceof GatewayError && statement < this.#steps.length;
    return isNamed ? errorOfStatement(error, statement) : error;
  }

  #throwIfStopped(): void {
    if (this.#stoppedBy !== undefined) throw this.#cancelled(undefined);
  }
}

/** The statements themselves had not been reached. */
function isAhead(stage: Stage): boolean {
  return stage === "reset" || stage === "settings";
}
