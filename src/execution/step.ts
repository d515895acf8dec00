// One statement of a request on its connection: under which name it is prepared there, and what was learnt of its parameters'
// types. Lives as long as the request, however often that is tried.

import type pg from "pg";
import type { Parameter } from "../base/parameters.ts";
import type { ApprovedStatement } from "../policy/approved-statement.ts";
import { declaredTypes, moreUndetermined, type UndeterminedParameters } from "./parameters/declared-types.ts";
import type { Session } from "./session.ts";
import type { ArrayLiteral } from "./parameters/array-literal.ts";
import { literalOf, parameterForm, parameterText, wholeNumberOf } from "./parameters/parameter-text.ts";
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
  /** It has parameters whose form depends on their type: arrays, and whole numbers once PostgreSQL has refused one. */
  #dependsOnTypes: boolean;
  /** Long arrays as literals, by their position. */
  readonly #literals: ArrayLiteral[] = [];
  /** The types that these literals were written for. */
  #typesOfLiterals: readonly number[] | undefined;
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
    this.#dependsOnTypes = params.some(({ kind }) => kind === "array");
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

  get dependsOnTypes(): boolean {
    return this.#dependsOnTypes;
  }

  /** @param userTypes of the parameters, where their form depends on them. */
  values(userTypes: ReadonlyMap<number, UserType>): readonly (string | Buffer | null)[] {
    const types = this.#prepared?.parameterTypes;
    return this.#params.map(
      (parameter, position) =>
        this.#literals[position]?.bytes ??
        parameterText(
          parameter,
          isTyped(parameter) && types ? parameterForm(types[position] ?? 0, userTypes) : undefined,
        ),
    );
  }

  /** The types of the parameters whose form depends on them. */
  get typesOfForms(): readonly number[] {
    const types = this.prepared.parameterTypes ?? [];
    return types.filter((_, position) => isTyped(this.#params[position]));
  }

  /** The work of writing its long arrays as literals, to be done before `values`. */
  writeLongArrays(userTypes: ReadonlyMap<number, UserType>): readonly ArrayLiteral[] {
    const types = this.prepared.parameterTypes;
    if (types === this.#typesOfLiterals) return [];
    this.#typesOfLiterals = types;
    this.#literals.length = 0;
    if (types === undefined) return [];
    for (const [position, parameter] of this.#params.entries()) {
      if (parameter.kind !== "array" || typeof parameter.text === "string") continue;
      const form = parameterForm(types[position] ?? 0, userTypes);
      if (form.kind !== "json") this.#literals[position] = literalOf(parameter, form);
    }
    return Object.values(this.#literals);
  }

  /** True when it has whole numbers that are written like 5.0, and that it did not yet write as its types ask for. */
  typeNumbers(): boolean {
    if (this.#dependsOnTypes || !this.#params.some((parameter) => wholeNumberOf(parameter) !== undefined)) return false;
    this.#dependsOnTypes = true;
    return true;
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

function isTyped(parameter: Parameter | undefined): boolean {
  return parameter?.kind === "array" || parameter?.kind === "number";
}
