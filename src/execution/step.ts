// One statement of a request on its connection: under which name it is prepared there, and what was learnt of its parameters'
// types. Lives as long as the request, however often that is tried.

import type pg from "pg";
import type { ApprovedStatement } from "../policy/approved-statement.ts";
import { declaredTypes, moreUndetermined, type UndeterminedParameters } from "./parameters/declared-types.ts";
import type { Session } from "./session.ts";
import { arrayForm, parameterText } from "./parameters/parameter-text.ts";
import { type PreparedStatement, type PreparedStatements, unnamedStatement } from "./pool/prepared-statements.ts";
import type { UserType } from "./results/result-set.ts";
import type { StatementToRun } from "../policy/approved-statement.ts";
import type { UndeterminedMemory } from "./parameters/undetermined-memory.ts";

const INDETERMINATE_DATATYPE = "42P18";

export interface StepOptions {
  readonly session: Session;
  /** What the connection has prepared. */
  readonly statements: PreparedStatements;
  readonly memory: UndeterminedMemory;
  /** Whether the connection may keep it prepared. */
  readonly isKept: boolean;
}

export class Step {
  readonly statement: ApprovedStatement;
  /** It has parameters whose form depends on their type. */
  readonly hasArrays: boolean;
  readonly #params: StatementToRun["params"];
  readonly #options: StepOptions;
  readonly #memoryKey: string;
  #undetermined: UndeterminedParameters;
  #declaredTypes: readonly number[];
  #key = "";
  #prepared: PreparedStatement | undefined;
  /** The error that made us declare types by guess: told when the guess does not help. */
  #ambiguity: pg.DatabaseError | undefined;

  constructor({ statement, params }: StatementToRun, options: StepOptions) {
    this.statement = statement;
    this.#params = params;
    this.#options = options;
    this.#memoryKey = `${options.session.key}\0${statement.text}`;
    this.#undetermined = options.memory.get(this.#memoryKey) ?? [];
    this.#declaredTypes = declaredTypes(params, this.#undetermined);
    this.hasArrays = params.some(({ kind }) => kind === "array");
  }

  /** As the connection knows it, with the types that are declared now. */
  get prepared(): PreparedStatement {
    if (this.#prepared !== undefined) return this.#prepared;
    const { statements, session, isKept } = this.#options;
    this.#key = `${session.key}\0${this.#declaredTypes.join()}\0${this.statement.text}`;
    this.#prepared = isKept ? statements.findOrAdd(this.#key, session.tenant) : unnamedStatement(session.tenant);
    return this.#prepared;
  }

  get declaredTypes(): readonly number[] {
    return this.#declaredTypes;
  }

  /** @param userTypes of the parameters, where there are arrays among them. */
  values(userTypes: ReadonlyMap<number, UserType>): readonly (string | null)[] {
    const types = this.#prepared?.parameterTypes ?? [];
    return this.#params.map((parameter, position) =>
      parameterText(parameter, parameter.kind === "array" ? arrayForm(types[position] ?? 0, userTypes) : undefined),
    );
  }

  /** The types of the parameters that are arrays. */
  get arrayTypes(): readonly number[] {
    const types = this.prepared.parameterTypes ?? [];
    return types.filter((_, position) => this.#params[position]?.kind === "array");
  }

  get hasWritten(): boolean {
    return this.prepared.hasWritten;
  }

  /** It cannot run read-only: the connection knows from now on, and loses no round trip to find out. */
  foundWriting(): void {
    this.prepared.hasWritten = true;
  }

  /** What the connection had prepared is not used again. */
  forget(): void {
    this.#options.statements.forget(this.#key);
    this.#prepared = undefined;
  }

  /** True when types are declared now that were not before, so that PostgreSQL may take the statement. */
  declareMore(error: pg.DatabaseError): boolean {
    const more = moreUndetermined(error, this.#undetermined, this.#params.length);
    if (more === undefined) return false;
    if (error.code !== INDETERMINATE_DATATYPE) this.#ambiguity ??= error;
    this.#undetermined = more;
    this.#declaredTypes = declaredTypes(this.#params, more);
    this.#prepared = undefined;
    return true;
  }

  /** What the caller is told of an error of this statement. */
  errorToTell(error: pg.DatabaseError): pg.DatabaseError {
    return this.#ambiguity ?? error;
  }

  /** It has run: what had to be declared is remembered. */
  completed(): void {
    if (this.#undetermined.length > 0) this.#options.memory.set(this.#memoryKey, this.#undetermined);
  }
}
