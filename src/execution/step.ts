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
import { type TypeGuard, typeGuardsOf } from "./type-guards.ts";
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

/** A type guard as the connection knows it. */
export interface PreparedGuard {
  readonly guard: TypeGuard;
  readonly prepared: PreparedStatement;
}

const NO_GUARDS: readonly PreparedGuard[] = [];

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
  /** Empty where the text alone decides the types; undefined where no guard would tell that they have changed. */
  readonly #typeGuards: readonly TypeGuard[] | undefined;
  #isParsedAnew: boolean;
  #guards = NO_GUARDS;
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
    this.#typeGuards = typeGuardsOf(statement.typeSources, options.session);
    this.#isParsedAnew = !options.isKept || this.#typeGuards === undefined;
    this.#undetermined = (this.#hasFixedTypes ? options.memory.get(this.#memoryKey) : undefined) ?? [];
    this.#declaredTypes = declaredTypes(params, this.#undetermined);
    this.#dependsOnTypes = params.some(({ kind }) => kind === "array");
  }

  /** As the connection knows it, with the types that are declared now. */
  get prepared(): PreparedStatement {
    this.#prepared ??= this.#isParsedAnew ? unnamedStatement(this.#options.session.tenant) : this.#find();
    return this.#prepared;
  }

  /** The guards that run ahead of it. */
  get guards(): readonly PreparedGuard[] {
    return this.prepared.name === "" ? NO_GUARDS : this.#guards;
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

  /** The types of the parameters that are arrays. */
  get typesOfArrays(): readonly number[] {
    const types = this.prepared.parameterTypes ?? [];
    return types.filter((_, position) => this.#params[position]?.kind === "array");
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
    if (!this.#hasFixedTypes) this.#declare([]); // What had to be declared was learnt from the old schema.
  }

  /** For the rest of this request: its guards cannot run, or they failed although they were new. */
  parseAnew(): void {
    this.#isParsedAnew = true;
    this.#prepared = undefined;
  }

  /** True when types are declared now that were not before, so that PostgreSQL may take the statement. */
  declareMore(error: pg.DatabaseError): boolean {
    const more = moreUndetermined(error, this.#undetermined, this.#params.length);
    if (more === undefined) return false;
    if (error.code !== INDETERMINATE_DATATYPE) this.#ambiguity ??= error;
    this.#declare(more);
    this.#prepared = undefined;
    return true;
  }

  /** What the caller is told of an error of this statement. */
  errorToTell(error: pg.DatabaseError): pg.DatabaseError {
    return this.#ambiguity ?? error;
  }

  /** It has run: what had to be declared is remembered. */
  completed(): void {
    if (this.#undetermined.length === 0) return;
    if (this.#hasFixedTypes) this.#options.memory.set(this.#memoryKey, this.#undetermined);
    else if (!this.#isParsedAnew) this.#findWith("").undetermined = this.#undetermined;
  }

  /** Whatever happens to the schema, the types of its parameters stay what they are. */
  get #hasFixedTypes(): boolean {
    return this.#typeGuards?.length === 0;
  }

  #find(): PreparedStatement {
    this.#guards = this.#findGuards();
    if (this.#guards.some(({ prepared }) => prepared.isRefused)) {
      this.#isParsedAnew = true;
      return unnamedStatement(this.#options.session.tenant);
    }
    if (this.#hasFixedTypes) return this.#findWith(this.#declaredTypes.join());
    const undeclared = this.#undetermined.length === 0 ? this.#findWith("") : undefined;
    if (undeclared !== undefined && undeclared.undetermined.length > 0) this.#declare(undeclared.undetermined);
    const prepared =
      undeclared !== undefined && this.#declaredTypes.length === 0
        ? undeclared
        : this.#findWith(this.#declaredTypes.join());
    // Where nothing is kept prepared, no guard runs, and the types are asked for each time.
    if (!this.#options.statements.areNamed) prepared.parameterTypes = undefined;
    return prepared;
  }

  #findGuards(): readonly PreparedGuard[] {
    const { statements, session } = this.#options;
    if (this.#typeGuards === undefined || this.#hasFixedTypes || !statements.areNamed) return NO_GUARDS;
    return this.#typeGuards.map((guard) => {
      const prepared = statements.findOrAdd(`${session.key}\0guard\0${guard.sql}`, session.tenant);
      return { guard, prepared };
    });
  }

  #findWith(declaredTypes: string): PreparedStatement {
    const { statements, session } = this.#options;
    this.#key = `${session.key}\0${declaredTypes}\0${this.statement.text}`;
    return statements.findOrAdd(
      this.#key,
      session.tenant,
      this.#guards.map(({ prepared }) => prepared),
    );
  }

  #declare(undetermined: UndeterminedParameters): void {
    this.#undetermined = undetermined;
    this.#declaredTypes = declaredTypes(this.#params, undetermined);
  }
}

function isTyped(parameter: Parameter | undefined): boolean {
  return parameter?.kind === "array" || parameter?.kind === "number";
}
