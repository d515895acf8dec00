// Writes what a request sends, in as few pieces as possible: all of it in one, unless PostgreSQL must first tell the types of
// array parameters. In charge of what is written and in which order; not of what comes back (exchange.ts).

import type { MessageWriter } from "../wire/message-writer.ts";
import type { PreparedStatement } from "./pool/prepared-statements.ts";
import type { UserType } from "./results/result-set.ts";
import { changesSchema } from "./schema-change.ts";
import type { Guard, GuardsByStatement } from "./schema-guards.ts";
import type { Step } from "./step.ts";

/** One write. It ends in Sync, which commits; or in Flush, and then there is more to come. */
export interface Piece {
  readonly request: readonly Buffer[];
  /** It runs statements up to this one, which is not among them. */
  readonly until: number;
  /** What it executes, in this order. */
  readonly commands: readonly Command[];
  /** The statements that it parses, in this order. */
  readonly parsing: readonly ParsedStep[];
  /** The statements whose parameters' types it asks for, in this order: the next piece needs them. */
  readonly describing: readonly ParsedStep[];
  readonly endsInSync: boolean;
}

export interface Command {
  /** The number of the caller's statement in the request, from 0: the one that it is, or stands beside. */
  readonly statement: number;
  /** A guard and what sets rights are the gateway's own, and their answers are nobody's result. */
  readonly kind: "statement" | "guard" | "rights";
}

/** The gateway's statements between two of the caller's. They set the rights of the transaction again. */
export interface Interlude {
  readonly count: number;
  /** True when each of them is parsed as PostgreSQL's unnamed statement, false when they are prepared. */
  readonly parses: boolean;
  readonly write: (writer: MessageWriter) => void;
}

export interface ParsedStep {
  /** The statement's number in the request, from 0; TYPE_GUARD for a type guard. */
  readonly index: number;
  readonly prepared: PreparedStatement;
}

export interface WrittenTypeGuard {
  /** It was prepared by this pipeline, so what it compares with is the schema of now. */
  readonly isNew: boolean;
  readonly prepared: PreparedStatement;
}

export interface PipelineOptions {
  readonly steps: readonly Step[];
  readonly guards: GuardsByStatement;
  /** Execute's limit of rows; 0 for none. */
  readonly rowLimit: number;
  /** The last piece does not commit: its rows are looked at before. */
  readonly isHeld: boolean;
  readonly interlude: Interlude;
}

/** Stands for a statement's number where it is a type guard that is parsed. */
const TYPE_GUARD = -1;
const NO_STEPS: readonly ParsedStep[] = [];
const NO_GUARDS: readonly Guard[] = [];
const NO_TYPES: ReadonlyMap<number, UserType> = new Map();

export class Pipeline {
  readonly #options: PipelineOptions;
  /** The first statement that is not written yet. */
  #at = 0;
  #parsing: ParsedStep[] = [];
  #commands: Command[] = [];
  /** Parsed, or about to be, by this pipeline. */
  readonly #parsed = new Set<PreparedStatement>();
  readonly #typeGuards: WrittenTypeGuard[] = [];
  /** The one that is PostgreSQL's unnamed statement when what is written so far has run. */
  #unnamed: PreparedStatement | undefined;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** Whether a statement of the caller's may have run. */
  get hasExecuted(): boolean {
    return this.#at > 0;
  }

  /** True when the statement's Parse is part of this pipeline, so that nothing of it is old. */
  hasParsed(step: Step): boolean {
    return this.#parsed.has(step.prepared);
  }

  /** The statements that are not written yet. */
  get waiting(): readonly Step[] {
    return this.#options.steps.slice(this.#at);
  }

  /**
   * Writes the type guards of all statements, each once, ahead of all of them: they fail before anything has run.
   *
   * @returns how many there are.
   */
  guardTypes(writer: MessageWriter): number {
    for (const { guards } of this.#options.steps)
      for (const { guard, prepared } of guards) {
        if (this.#typeGuards.some((written) => written.prepared === prepared)) continue;
        const isNew = !prepared.isParsed;
        if (isNew) {
          writer.parse(prepared.name, guard.sql, guard.parameterTypes);
          this.#parsing.push({ index: TYPE_GUARD, prepared });
        }
        writer.bind(prepared.name, guard.values).execute(0);
        this.#typeGuards.push({ isNew, prepared });
      }
    return this.#typeGuards.length;
  }

  /** @throws Error when no type guard was written at this place. */
  typeGuardAt(place: number): WrittenTypeGuard {
    const guard = this.#typeGuards[place];
    if (guard === undefined) throw new Error("There is no such type guard");
    return guard;
  }

  /** The first statement that the type guard stands for. */
  statementOfTypeGuard(place: number): number {
    const { prepared } = this.typeGuardAt(place);
    return this.#options.steps.findIndex(({ guards }) => guards.some((each) => each.prepared === prepared));
  }

  /** @param userTypes of the parameters of what is `waiting`, where their form depends on them. */
  next(writer: MessageWriter, userTypes = NO_TYPES): Piece {
    const { steps, guards, isHeld, rowLimit } = this.#options;
    for (let step = steps[this.#at]; step !== undefined; step = steps[this.#at]) {
      if (isUntyped(step)) return this.#describe(writer);
      if (this.#at > 0) this.#setRights(writer);
      this.#guard(writer, guards.before.get(this.#at));
      this.#parse(writer, step, this.#at);
      writer.bind(step.prepared.name, step.values(userTypes)).describePortal().execute(rowLimit);
      this.#commands.push({ statement: this.#at, kind: "statement" });
      this.#guard(writer, guards.after.get(this.#at));
      this.#at += 1;
    }
    const request = (isHeld ? writer.flush() : writer.sync()).take();
    return this.#piece(request, NO_STEPS, !isHeld);
  }

  #piece(request: readonly Buffer[], describing: readonly ParsedStep[], endsInSync: boolean): Piece {
    const piece = {
      request,
      until: this.#at,
      commands: this.#commands,
      parsing: this.#parsing,
      describing,
      endsInSync,
    };
    this.#commands = [];
    this.#parsing = [];
    return piece;
  }

  /** No statement decides as whom the next one is parsed and runs. */
  #setRights(writer: MessageWriter): void {
    const { count, parses, write } = this.#options.interlude;
    write(writer);
    for (let index = 0; index < count; index++) this.#commands.push({ statement: this.#at, kind: "rights" });
    if (parses) this.#unnamed = undefined;
  }

  /** Statements of the gateway's own, beside the one at `#at`. */
  #guard(writer: MessageWriter, guards: readonly Guard[] = NO_GUARDS): void {
    for (const { sql, values } of guards) {
      writer.parse("", sql, []).bind("", values).execute(0);
      this.#unnamed = undefined;
      this.#commands.push({ statement: this.#at, kind: "guard" });
    }
  }

  /** Asks for the types of as many statements as can be parsed now: not beyond one that changes the schema. */
  #describe(writer: MessageWriter): Piece {
    const { steps } = this.#options;
    const described = new Map<PreparedStatement, ParsedStep>();
    for (let index = this.#at; index < steps.length; index++) {
      const step = steps[index];
      if (step === undefined) break;
      if (isUntyped(step) && !described.has(step.prepared)) {
        this.#parse(writer, step, index);
        writer.describeStatement(step.prepared.name);
        described.set(step.prepared, { index, prepared: step.prepared });
      }
      if (changesSchema(step.statement)) break;
    }
    return this.#piece(writer.flush().take(), [...described.values()], false);
  }

  #parse(writer: MessageWriter, step: Step, index: number): void {
    const { prepared, statement, declaredTypes } = step;
    const isReady = prepared.name === "" ? this.#unnamed === prepared : prepared.isParsed || this.#parsed.has(prepared);
    if (isReady) return;
    writer.parse(prepared.name, statement.text, declaredTypes);
    this.#parsed.add(prepared);
    this.#parsing.push({ index, prepared });
    if (prepared.name === "") this.#unnamed = prepared;
  }
}

function isUntyped(step: Step): boolean {
  return step.dependsOnTypes && step.prepared.parameterTypes === undefined;
}
