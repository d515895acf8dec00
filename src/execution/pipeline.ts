// Writes what a request sends, in as few pieces as possible: all of it in one, unless PostgreSQL must first tell the types of
// array parameters. In charge of what is written and in which order; not of what comes back (exchange.ts).

import type { MessageWriter } from "../wire/message-writer.ts";
import type { PreparedStatement } from "./pool/prepared-statements.ts";
import type { UserType } from "./results/result-set.ts";
import { changesSchema } from "./schema-change.ts";
import type { Step } from "./step.ts";

/** One write. It ends in Sync, which commits; or in Flush, and then there is more to come. */
export interface Piece {
  readonly request: readonly Buffer[];
  /** It runs statements up to this one, which is not among them. */
  readonly until: number;
  /** The statements that it parses, in this order. */
  readonly parsing: readonly ParsedStep[];
  /** The statements whose parameters' types it asks for, in this order: the next piece needs them. */
  readonly describing: readonly ParsedStep[];
  readonly endsInSync: boolean;
}

export interface ParsedStep {
  /** The statement's number in the request, from 0. */
  readonly index: number;
  readonly prepared: PreparedStatement;
}

export interface PipelineOptions {
  readonly steps: readonly Step[];
  /** Execute's limit of rows; 0 for none. */
  readonly rowLimit: number;
  /** The last piece does not commit: its rows are looked at before. */
  readonly isHeld: boolean;
}

const NO_STEPS: readonly ParsedStep[] = [];
const NO_TYPES: ReadonlyMap<number, UserType> = new Map();

export class Pipeline {
  readonly #options: PipelineOptions;
  /** The first statement that is not written yet. */
  #at = 0;
  #parsing: ParsedStep[] = [];
  /** Parsed, or about to be, by this pipeline. */
  readonly #parsed = new Set<PreparedStatement>();
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

  /** @param userTypes of the parameters of what is `waiting`, where their form depends on them. */
  next(writer: MessageWriter, userTypes = NO_TYPES): Piece {
    const { steps, isHeld, rowLimit } = this.#options;
    this.#parsing = [];
    for (let step = steps[this.#at]; step !== undefined; step = steps[this.#at]) {
      if (isUntyped(step)) return this.#describe(writer);
      this.#parse(writer, step, this.#at);
      writer.bind(step.prepared.name, step.values(userTypes)).describePortal().execute(rowLimit);
      this.#at += 1;
    }
    const request = (isHeld ? writer.flush() : writer.sync()).take();
    return { request, until: this.#at, parsing: this.#parsing, describing: NO_STEPS, endsInSync: !isHeld };
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
    return {
      request: writer.flush().take(),
      until: this.#at,
      parsing: this.#parsing,
      describing: [...described.values()],
      endsInSync: false,
    };
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
