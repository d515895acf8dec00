// One write to PostgreSQL and all that comes back, up to ReadyForQuery: a query object for the driver's client. In charge of
// reading the answer and of its limits; not of what is sent (connection.ts) nor of what is made of the outcome
// (statement-run.ts).

import pg from "pg";
import { MessageWriter } from "./message-writer.ts";
import type { Field } from "./result-set.ts";

/**
 * How far PostgreSQL had come when an error arrived or the connection went. Up to and with `bind`, nothing of the
 * statement itself has run; after `commit` began, only PostgreSQL knows.
 */
export type Stage = "reset" | "settings" | "parse" | "bind" | "run" | "commit";

export interface Rows {
  readonly fields: readonly Field[];
  /** False for a statement that cannot return rows, as opposed to one that returned none. */
  readonly returnsRows: boolean;
  readonly rows: readonly (readonly (string | null)[])[];
  readonly commandTag: string;
}

export type Outcome =
  | ({ readonly kind: "completed" } & Rows)
  | { readonly kind: "described"; readonly parameterTypes: readonly number[] }
  | { readonly kind: "refused"; readonly stage: Stage; readonly error: pg.DatabaseError }
  | { readonly kind: "too-many-rows" }
  | { readonly kind: "too-many-bytes" }
  /** What `confirm` threw; the transaction is rolled back. */
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
  /** Everything up to the first Sync or Flush. */
  readonly request: Buffer;
  /** Statements ahead of the caller's: those of the reset, where there is one, and the settings last. */
  readonly fixedCount: number;
  /** The statement that `request` parses; told when PostgreSQL confirms it. */
  readonly parsing?: { isParsed: boolean } | undefined;
  /** That PostgreSQL may send. */
  readonly maxBytes: number;
  /**
   * Given where `request` ends in Flush: called when the rows are complete and within the limits, before the commit. What
   * it throws rolls back.
   */
  readonly confirm?: (rows: Rows) => Promise<unknown>;
}

/** What the exchange needs of its connection besides the driver's calls. */
export interface ExchangeHost {
  /** False when the connection takes no more. */
  write(buffer: Buffer): boolean;
  /** Breaks the connection at once, and with it the statement that runs on it. */
  cut(): void;
}

const SYNC = new MessageWriter().sync().take();
/** ROLLBACK ends the implicit transaction; the warning that no explicit one is open reaches nobody. */
const ROLLBACK_AND_SYNC = new MessageWriter().parse("", "rollback", []).bind("", []).execute(0).sync().take();

/** What stands although the connection ended. An error that came with the end was its last word, not the statement's. */
const DECIDED_WITHOUT_COMMIT: ReadonlySet<Outcome["kind"]> = new Set([
  "too-many-rows",
  "too-many-bytes",
  "not-confirmed",
]);

export class Exchange implements pg.Submittable {
  readonly done: Promise<Outcome>;
  readonly #plan: ExchangePlan;
  readonly #host: ExchangeHost;
  #settle!: (outcome: Outcome) => void;
  #outcome: Outcome | undefined;
  #serverError: pg.DatabaseError | undefined;
  #isSent = false;
  #isHeld: boolean;
  #bytes = 0;
  #bound = 0;
  #completed = 0;
  #fields: readonly Field[] | undefined;
  #rows: (readonly (string | null)[])[] = [];

  constructor(plan: ExchangePlan, host: ExchangeHost) {
    this.#plan = plan;
    this.#host = host;
    this.#isHeld = plan.confirm !== undefined;
    this.done = new Promise((resolve) => (this.#settle = resolve));
  }

  get #stage(): Stage {
    const settingsAt = this.#plan.fixedCount - 1;
    if (this.#completed <= settingsAt) return this.#completed < settingsAt ? "reset" : "settings";
    if (this.#plan.parsing?.isParsed === false) return "parse";
    if (this.#bound <= this.#plan.fixedCount) return "bind";
    return this.#completed === this.#plan.fixedCount ? "run" : "commit";
  }

  // Called by pg.Client.

  submit(): void {
    this.#isSent = this.#host.write(this.#plan.request);
  }

  handleRowDescription(message: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.#fields = message.fields.map(({ name, dataTypeID }) => ({ name, typeOid: dataTypeID }));
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    if (this.#outcome === undefined && this.#fields !== undefined) this.#rows.push(message.fields);
  }

  handleCommandComplete(message: { text: string }): void {
    this.#completed += 1;
    if (this.#completed > this.#plan.fixedCount) this.#complete(message.text);
  }

  handleEmptyQuery(): void {
    this.#completed += 1;
    this.#complete("");
  }

  handlePortalSuspended(): void {
    this.#decide({ kind: "too-many-rows" });
    this.#release(ROLLBACK_AND_SYNC);
  }

  handleCopyInResponse(): void {
    this.#host.cut();
  }

  handleCopyData(): void {
    this.#host.cut();
  }

  handleReadyForQuery(): void {
    // The connection calls readyForQuery(), after an error too.
  }

  handleError(error: unknown): void {
    if (!(error instanceof pg.DatabaseError)) return; // The connection calls connectionEnded().
    if (error.code === undefined) {
      this.#host.cut();
      return;
    }
    this.#serverError = error;
    this.#decide({ kind: "refused", stage: this.#stage, error });
    this.#release(SYNC);
  }

  // Called by the connection.

  parseComplete(): void {
    const isTheCallers = this.#completed >= this.#plan.fixedCount; // The settings may have been parsed just before.
    if (this.#plan.parsing !== undefined && isTheCallers) this.#plan.parsing.isParsed = true;
  }

  bindComplete(): void {
    this.#bound += 1;
  }

  parameterDescription(parameterTypes: readonly number[]): void {
    this.#decide({ kind: "described", parameterTypes });
  }

  bytesReceived(count: number): void {
    this.#bytes += count;
    if (this.#bytes <= this.#plan.maxBytes || this.#outcome?.kind === "too-many-bytes") return;
    this.#outcome = undefined;
    this.#decide({ kind: "too-many-bytes" });
    this.#host.cut();
  }

  /** The server had closed before it took all of the request, so the Sync or Flush at its end cannot have reached it. */
  writeRefused(): void {
    if (this.#completed < this.#plan.fixedCount) this.#isSent = false;
  }

  readyForQuery(): void {
    this.#settle(this.#outcome ?? this.#lost());
  }

  connectionEnded(): void {
    const isDecided = this.#outcome !== undefined && DECIDED_WITHOUT_COMMIT.has(this.#outcome.kind);
    this.#settle(isDecided && this.#outcome !== undefined ? this.#outcome : this.#lost());
  }

  #complete(commandTag: string): void {
    const fields = this.#fields ?? [];
    const returnsRows = this.#fields !== undefined;
    this.#decide({ kind: "completed", fields, returnsRows, rows: this.#rows, commandTag });
    if (this.#isHeld && this.#outcome?.kind === "completed") this.#confirm(this.#outcome);
  }

  #confirm(rows: Rows): void {
    this.#plan.confirm?.(rows).then(
      () => this.#release(SYNC),
      (error: unknown) => {
        this.#outcome = undefined;
        this.#decide({ kind: "not-confirmed", error });
        this.#release(ROLLBACK_AND_SYNC);
      },
    );
  }

  /** The first decision stands, but for an error that comes after completion: the commit has failed. */
  #decide(outcome: Outcome): void {
    if (this.#outcome !== undefined && !(this.#outcome.kind === "completed" && outcome.kind === "refused")) return;
    this.#outcome = outcome;
    if (outcome.kind !== "completed") this.#rows = [];
  }

  /** Ends the wait for Sync, where there is one. */
  #release(ending: Buffer): void {
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
