// One transaction with PostgreSQL, from its first write to ReadyForQuery. In charge of
// what the answers mean and of their limits; not of what is sent (pipeline.ts) nor of what is made of the outcome
// (statement-run.ts).

import type pg from "pg";
import type { DataRow } from "../wire/data-row.ts";
import type { MessageReceiver } from "../wire/message-reader.ts";
import { MessageWriter } from "../wire/message-writer.ts";
import type { Command, ParsedStep, Piece } from "./pipeline.ts";
import type { Field } from "../wire/field.ts";
import { isForSession } from "./session.ts";

/**
 * How far PostgreSQL had come with a statement when an error arrived or the connection went. Up to and with `bind`, nothing
 * of the statement itself has run; after `commit` began, only PostgreSQL knows. `rights`: between two statements, while the
 * rights of the next one were set.
 */
export type Stage = "reset" | "settings" | "guard" | "rights" | "parse" | "bind" | "run" | "commit";

export interface Rows {
  readonly fields: readonly Field[];
  /** False for a statement that cannot return rows, as opposed to one that returned none. */
  readonly returnsRows: boolean;
  readonly rows: readonly DataRow[];
  readonly commandTag: string;
}

/**
 * `statement`: its number in the request, from 0; one more than the last where all have run. In the stage `guard` it is the number
 * of the type guard.
 */
export type Outcome =
  /** Of each statement. */
  | { readonly kind: "completed"; readonly results: readonly Rows[] }
  | { readonly kind: "refused"; readonly stage: Stage; readonly statement: number; readonly error: pg.DatabaseError }
  | { readonly kind: "too-many-rows"; readonly statement: number }
  | { readonly kind: "too-many-bytes" }
  /** A statement of a batch ended with a command tag that no approved statement has. The batch was cut off before its commit. */
  | { readonly kind: "for-session"; readonly commandTag: string }
  /** What `next` or `confirm` threw; the transaction is rolled back. */
  | { readonly kind: "not-confirmed"; readonly error: unknown }
  /** `error` is the server's farewell, where it gave one. `isSyncSent`: without Sync, nothing can have been committed. */
  | {
      readonly kind: "lost";
      readonly isSent: boolean;
      readonly isSyncSent: boolean;
      readonly stage: Stage;
      readonly error: pg.DatabaseError | undefined;
    };

export interface ExchangePlan {
  readonly first: Piece;
  /**
   * Statements ahead of the caller's: those of the transaction and of the reset, where there are any, the settings, and the type
   * guards.
   */
  readonly fixedCount: number;
  /** How many of these are type guards. */
  readonly guardCount: number;
  /** The caller's. */
  readonly statementCount: number;
  /** That PostgreSQL may send. */
  readonly maxBytes: number;
  /** That all statements together may return. */
  readonly maxRows: number;
  /** The transaction is not READ ONLY: once Sync is sent it may be committed, and no limit of ours can undo it. */
  readonly mayWrite: boolean;
  /** Given where a piece asks for types: called when they are there, it writes the next piece. What it throws rolls back. */
  readonly next?: () => Promise<Piece>;
  /**
   * Given where the last piece ends in Flush: called when all rows are complete and within the limits, before the commit.
   * What it throws rolls back.
   */
  readonly confirm?: (results: readonly Rows[]) => Promise<unknown>;
}

/** What the exchange needs of its connection. */
export interface ExchangeHost {
  /** False when the connection takes no more. */
  write(request: readonly Buffer[]): boolean;
  /** Breaks the connection at once, and with it the statement that runs on it. */
  cut(): void;
  /** The exchange has come to its end; `status` is that of the session's transaction. */
  isReady(status: string): void;
}

const SYNC = new MessageWriter().sync().take();
/** ROLLBACK ends the implicit transaction; the warning that no explicit one is open reaches nobody. */
const ROLLBACK_AND_SYNC = new MessageWriter().parse("", "rollback", []).bind("", []).execute(0).sync().take();

/**
 * What PostgreSQL may still send, beyond the limit of the answer, once a transaction that may write has got its Sync: command tags
 * and an error. A server that sends more loses its connection, and the outcome is unknown.
 */
const MAX_BYTES_AFTER_SYNC = 1_048_576;

/** What stands although the connection ended. An error that came with the end was its last word, not the statement's. */
const DECIDED_WITHOUT_COMMIT: ReadonlySet<Outcome["kind"]> = new Set([
  "too-many-rows",
  "too-many-bytes",
  "for-session",
  "not-confirmed",
]);

export class Exchange implements MessageReceiver {
  readonly done: Promise<Outcome>;
  readonly #plan: ExchangePlan;
  readonly #host: ExchangeHost;
  #settle!: (outcome: Outcome) => void;
  #outcome: Outcome | undefined;
  #serverError: pg.DatabaseError | undefined;
  #isSent = false;
  #isOver = false;
  /** Sync has not been sent. */
  #isHeld: boolean;
  /** Statements of which PostgreSQL has yet to confirm the Parse, or to describe the parameters. */
  #parsing: ParsedStep[];
  #describing: ParsedStep[];
  /** What has been sent executes these, after the fixed statements. */
  readonly #commands: Command[];
  /** What has been sent runs statements up to this one. */
  #until: number;
  #bytes = 0;
  #bound = 0;
  #completed = 0;
  #fields: readonly Field[] | undefined;
  #rows: DataRow[] = [];
  #rowCount = 0;
  readonly #results: Rows[] = [];

  constructor(plan: ExchangePlan, host: ExchangeHost) {
    this.#plan = plan;
    this.#host = host;
    this.#isHeld = !plan.first.endsInSync;
    this.#parsing = [...plan.first.parsing];
    this.#describing = [...plan.first.describing];
    this.#commands = [...plan.first.commands];
    this.#until = plan.first.until;
    this.done = new Promise((resolve) => (this.#settle = resolve));
  }

  /** Undefined when all that was sent has run. */
  get #command(): Command | undefined {
    return this.#commands[Math.max(this.#completed - this.#plan.fixedCount, 0)];
  }

  /** The statement that PostgreSQL is at. */
  get #statement(): number {
    return this.#command?.statement ?? this.#describing[0]?.index ?? this.#until;
  }

  /** The type guard that PostgreSQL is at. */
  get #guard(): number {
    return this.#completed - (this.#plan.fixedCount - this.#plan.guardCount);
  }

  get #stage(): Stage {
    if (this.#completed < this.#plan.fixedCount) return this.#fixedStage;
    const { kind = "statement" } = this.#command ?? {};
    if (kind !== "statement") return kind === "rights" ? "rights" : "run";
    return this.#stageOfStatement(this.#statement);
  }

  get #fixedStage(): Stage {
    if (this.#guard >= 0) return "guard";
    return this.#guard === -1 ? "settings" : "reset";
  }

  #stageOfStatement(statement: number): Stage {
    if (statement >= this.#plan.statementCount) return "commit";
    if (statement >= this.#until || this.#parsing[0]?.index === statement) return "parse";
    return this.#bound <= this.#completed ? "bind" : "run";
  }

  submit(): void {
    this.#isSent = this.#host.write(this.#plan.first.request);
  }

  // Called by the reader.

  rowDescription(fields: readonly Field[]): void {
    this.#fields = fields;
  }

  dataRow(row: DataRow): void {
    if (this.#outcome !== undefined || this.#fields === undefined) return;
    if (this.#rows.length <= this.#plan.maxRows) this.#rows.push(row);
    else this.#tooManyRows(this.#statement); // More than Execute asked for.
  }

  commandComplete(commandTag: string): void {
    const isFixed = this.#completed < this.#plan.fixedCount;
    const command = this.#command;
    this.#completed += 1;
    if (isFixed) return;
    if (command === undefined || command.kind === "statement") this.#complete(commandTag);
    if (command !== undefined && this.#command === undefined) this.#finish();
  }

  emptyQuery(): void {
    this.commandComplete("");
  }

  portalSuspended(): void {
    this.#tooManyRows(this.#statement);
  }

  unexpected(): void {
    this.#host.cut();
  }

  serverError(error: pg.DatabaseError): void {
    if (this.#isOver || error.code === undefined) {
      this.#host.cut(); // After the end it is the server's farewell.
      return;
    }
    this.#serverError = error;
    const stage = this.#stage;
    this.#decide({ kind: "refused", stage, statement: stage === "guard" ? this.#guard : this.#statement, error });
    this.#release(SYNC);
  }

  parseComplete(): void {
    if (this.#guard < 0) return; // A Parse of the settings.
    const { kind = "statement" } = this.#command ?? {};
    if (this.#completed >= this.#plan.fixedCount && kind !== "statement") return; // A Parse of the gateway's own.
    const parsed = this.#parsing.shift();
    if (parsed !== undefined) parsed.prepared.isParsed = true;
  }

  bindComplete(): void {
    this.#bound += 1;
    this.#fields = undefined; // What came before was the description of a statement, not of rows to come.
  }

  parameterDescription(parameterTypes: readonly number[]): void {
    const described = this.#describing.shift();
    if (described === undefined) {
      this.unexpected();
      return;
    }
    described.prepared.parameterTypes = parameterTypes;
    if (this.#describing.length === 0 && this.#outcome === undefined) this.#continue();
  }

  readyForQuery(status: string): void {
    this.#isOver = true;
    this.#host.isReady(status);
    this.#settle(this.#outcome ?? this.#lost());
  }

  // Called by the connection.

  uncounted(bytes: number): void {
    this.#bytes -= bytes;
  }

  bytesReceived(count: number): void {
    this.#bytes += count;
    if (this.#bytes <= this.#plan.maxBytes || this.#outcome?.kind === "too-many-bytes") return;
    if (this.#mayBeCommitted) {
      if (this.#bytes > this.#plan.maxBytes + MAX_BYTES_AFTER_SYNC) this.#host.cut();
      return;
    }
    this.#outcome = undefined;
    this.#decide({ kind: "too-many-bytes" });
    this.#host.cut();
  }

  /** The server had closed before it took all of the request, so the Sync or Flush at its end cannot have reached it. */
  writeRefused(): void {
    if (this.#completed < this.#plan.fixedCount) this.#isSent = false;
  }

  connectionEnded(): void {
    const isDecided = this.#outcome !== undefined && DECIDED_WITHOUT_COMMIT.has(this.#outcome.kind);
    this.#settle(isDecided && this.#outcome !== undefined ? this.#outcome : this.#lost());
  }

  #complete(commandTag: string): void {
    if (this.#results.length === this.#plan.statementCount) {
      this.unexpected();
      return;
    }
    if (this.#mayNotGoOn(commandTag)) this.#cutOff(commandTag);
    const rows = this.#rows;
    this.#results.push({ fields: this.#fields ?? [], returnsRows: this.#fields !== undefined, rows, commandTag });
    this.#fields = undefined;
    this.#rows = [];
    this.#rowCount += rows.length;
    if (this.#rowCount > this.#plan.maxRows) this.#tooManyRows(this.#results.length - 1);
  }

  /** All that was sent has run: where that is all there is, the transaction is complete. */
  #finish(): void {
    if (this.#results.length < this.#plan.statementCount) return;
    this.#decide({ kind: "completed", results: this.#results });
    if (this.#isHeld && this.#outcome?.kind === "completed") this.#confirm();
  }

  /** The judge was wrong. After a single statement there is nothing that could profit from it. */
  #mayNotGoOn(commandTag: string): boolean {
    const isOwnRollback = this.#outcome !== undefined;
    return !isOwnRollback && this.#plan.statementCount > 1 && isForSession(commandTag);
  }

  #cutOff(commandTag: string): void {
    this.#decide({ kind: "for-session", commandTag });
    this.#host.cut();
  }

  #tooManyRows(statement: number): void {
    if (this.#mayBeCommitted) {
      this.unexpected(); // Rows of a statement that may write are awaited before Sync, so the server breaks the protocol.
      return;
    }
    this.#decide({ kind: "too-many-rows", statement });
    this.#release(ROLLBACK_AND_SYNC);
  }

  /** From here on the only answers are success, PostgreSQL's own error, and that the outcome is unknown. */
  get #mayBeCommitted(): boolean {
    return this.#plan.mayWrite && !this.#isHeld;
  }

  /** The types that were asked for are there. */
  #continue(): void {
    const { next } = this.#plan;
    if (next === undefined) this.unexpected();
    else next().then((piece) => this.#send(piece), this.#refuse);
  }

  #send({ request, until, commands, parsing, describing, endsInSync }: Piece): void {
    if (this.#outcome !== undefined || !this.#isHeld) return; // It has failed meanwhile.
    this.#parsing = [...parsing];
    this.#describing = [...describing];
    this.#commands.push(...commands);
    this.#until = until;
    this.#isHeld = !endsInSync;
    this.#host.write(request);
  }

  #confirm(): void {
    const { confirm } = this.#plan;
    if (confirm === undefined) this.unexpected();
    else confirm(this.#results).then(() => this.#release(SYNC), this.#refuse);
  }

  readonly #refuse = (error: unknown): void => {
    if (this.#outcome?.kind === "completed") this.#outcome = undefined;
    this.#decide({ kind: "not-confirmed", error });
    this.#release(ROLLBACK_AND_SYNC);
  };

  /** The first decision stands, but for an error that comes after completion: the commit has failed. */
  #decide(outcome: Outcome): void {
    if (this.#outcome !== undefined && !(this.#outcome.kind === "completed" && outcome.kind === "refused")) return;
    this.#outcome = outcome;
    if (outcome.kind === "completed") return;
    this.#rows = [];
    this.#results.length = 0;
  }

  /** Ends the wait for Sync, where there is one. */
  #release(ending: readonly Buffer[]): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#host.write(ending);
  }

  #lost(): Outcome {
    return {
      kind: "lost",
      isSent: this.#isSent,
      isSyncSent: this.#isSent && !this.#isHeld,
      stage: this.#stage,
      error: this.#serverError,
    };
  }
}
