// One connection to PostgreSQL and what this process knows of it: whose session it last was, which statements it has prepared,
// what is running. The driver connects: authentication and TLS are its own; then its socket is taken over.

import type pg from "pg";
import { sendCancelRequest } from "../../postgres/cancel-request.ts";
import type { ConnectionSettings } from "../../postgres/connection-settings.ts";
import { Exchange, type ExchangeHost, type ExchangePlan, type Outcome } from "../exchange.ts";
import { MessageReader, NOBODY } from "../../wire/message-reader.ts";
import { MessageWriter } from "../../wire/message-writer.ts";
import type { Interlude } from "../pipeline.ts";
import { PreparedStatements } from "./prepared-statements.ts";
import {
  FIXED_STATEMENTS,
  FORGET_SEQUENCES,
  PIN_STATEMENT,
  RESET_STATEMENTS,
  RIGHTS_STATEMENTS,
  rightsValues,
  SETTINGS_STATEMENT,
  type Session,
  settingsValues,
  UNPREPARED_SETTINGS_SQL,
} from "../session.ts";

/** What the driver's client carries, though its types leave it out. */
type WiredClient = pg.Client & {
  readonly connection: pg.Connection;
  readonly processID: number;
  readonly secretKey: number;
};

export interface ConnectionOptions {
  /** Where the client is connected to, for cancel requests. */
  readonly settings: ConnectionSettings;
  /** False behind a pooler that gives each transaction another session: nothing is prepared or set beyond a transaction. */
  readonly ownsSession: boolean;
  /** For the first exchange on it. */
  readonly openTimeoutMs: number;
}

/** What a transaction begins with. */
export interface Beginning {
  readonly session: Session;
  readonly isReadOnly: boolean;
  readonly timeoutMs: number;
  /** Statements ahead of all others. */
  readonly transaction: readonly string[];
  /** Whether the session forgets what it has drawn from sequences, so that currval shows nothing of earlier transactions. */
  readonly forgetsSequences: boolean;
}

/** How a run is written; see `begin`. */
export interface Opening {
  readonly writer: MessageWriter;
  /** Statements that `begin` wrote ahead of the caller's. */
  readonly fixedCount: number;
}

const CANCEL_TIMEOUT_MS = 1_000;
/** How long the server may take to close a connection that was ended. */
const FAREWELL_MS = 1_000;

/** The pinned settings, and notices. */
const MAX_OPENING_BYTES = 64 * 1024;

/** Settings that have changed, and a farewell: far more than a server says without being asked. */
const MAX_STRAY_BYTES = 64 * 1024;

/** No session's key: whoever comes next, the connection is reset. */
const TRACES_OF_SEVERAL = "";

let lastNumber = 0;

export class Connection implements ExchangeHost {
  /** From 1; no two connections of this process share one. */
  readonly number = ++lastNumber;
  readonly statements: PreparedStatements;
  readonly openedAt = performance.now();
  idleSince = performance.now();
  /** The tenant that the pool has lent it to. */
  holder: string | undefined;
  #sessionKey: string | undefined;
  #isReusable = true;
  #hasEnded = false;
  #mayStillRun = false;
  #cancelling: Promise<void> | undefined;
  #exchange: Exchange | undefined;
  readonly #reader = new MessageReader();
  /** An error that answers nothing is the server's farewell. */
  readonly #idleReceiver = { ...NOBODY, serverError: () => this.destroy() };
  /** That came while nothing was running. */
  #strayBytes = 0;
  readonly #client: WiredClient;

  readonly #options: ConnectionOptions;

  private constructor(client: pg.Client, options: ConnectionOptions) {
    this.#options = options;
    this.statements = new PreparedStatements(options.ownsSession);
    this.#client = client as WiredClient;
    const wire = this.#client.connection;
    wire.on("end", () => this.#ended());
    wire.stream.removeAllListeners("data").on("data", (chunk: Buffer) => this.#received(chunk));
    client.on("error", (error: NodeJS.ErrnoException) => this.#failed(error));
  }

  /**
   * Takes over a connected client: prepares the fixed statements and pins the session's settings. `signal` gives it up.
   *
   * @throws Error when that fails or takes too long; the client is destroyed.
   */
  static async open(client: pg.Client, options: ConnectionOptions, signal: AbortSignal): Promise<Connection> {
    const connection = new Connection(client, options);
    if (!options.ownsSession) return connection;
    const giveUp = (): void => connection.destroy();
    const timer = setTimeout(giveUp, options.openTimeoutMs);
    signal.addEventListener("abort", giveUp, { once: true });
    const outcome = await connection.#prepareSession();
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
    if (outcome.kind === "completed") return connection;
    connection.destroy();
    throw new Error("The session's settings cannot be set", {
      cause: outcome.kind === "refused" || outcome.kind === "lost" ? outcome.error : undefined,
    });
  }

  get ownsSession(): boolean {
    return this.#options.ownsSession;
  }

  /** Whose traces it may carry; undefined when nobody has used it yet. */
  get sessionKey(): string | undefined {
    return this.#sessionKey;
  }

  /** False when its state is not known, or when a cancel may still be on its way to it: it must not be used again. */
  get isReusable(): boolean {
    return this.#isReusable && !this.#hasEnded && this.#client.connection.stream.writable;
  }

  /** The number of the backend's process, as the server gave it at the login. */
  get processId(): number {
    return this.#client.processID;
  }

  /** True when the connection ended before the server was ready again: its backend may still run the statement. */
  get mayStillRun(): boolean {
    return this.#mayStillRun;
  }

  /** Calls back when the connection is gone, whoever ended it. */
  onEnd(listener: () => void): void {
    this.#client.connection.once("end", listener);
  }

  /** Begins the buffer of a run: closes what the cache evicted, resets where the session changes, sets the settings. */
  begin({ session, isReadOnly, timeoutMs, transaction, forgetsSequences }: Beginning): Opening {
    const writer = new MessageWriter();
    const needsReset = this.#sessionKey !== undefined && this.#sessionKey !== session.key;
    const first = forgetsSequences ? [...transaction, FORGET_SEQUENCES] : transaction;
    for (const sql of first) writer.parse("", sql, []).bind("", []).execute(0);
    const values = settingsValues(session, timeoutMs, isReadOnly);
    if (!this.#options.ownsSession) {
      writer.parse("", UNPREPARED_SETTINGS_SQL, []).bind("", values).execute(0);
      return { writer, fixedCount: first.length + 1 };
    }
    for (const name of this.statements.takeEvicted()) writer.closeStatement(name);
    // The reset is part of the transaction, so that the statement cannot run without it; until commit it counts for nothing.
    this.#sessionKey = needsReset ? TRACES_OF_SEVERAL : session.key;
    if (needsReset) for (const { name } of RESET_STATEMENTS) writer.bind(name, []).execute(0);
    writer.bind(SETTINGS_STATEMENT.name, values).execute(0);
    return { writer, fixedCount: first.length + (needsReset ? RESET_STATEMENTS.length : 0) + 1 };
  }

  /** Writes what stands between two statements of a transaction, so that the second one has the rights of the first. */
  interlude(session: Session, isReadOnly: boolean): Interlude {
    let messages: readonly Buffer[] | undefined; // The same ones stand between all statements of a batch.
    const write = (writer: MessageWriter): void => {
      messages ??= this.#rightsMessages(rightsValues(session, isReadOnly));
      writer.append(messages);
    };
    return { count: RIGHTS_STATEMENTS.length, parses: !this.#options.ownsSession, write };
  }

  /** The transaction that `begin` opened has committed, and the reset with it. */
  committed(session: Session): void {
    this.#sessionKey = session.key;
  }

  /** One transaction and its answer. One at a time. */
  run(plan: ExchangePlan): Promise<Outcome> {
    const exchange = new Exchange(plan, this);
    if (this.#hasEnded) {
      exchange.connectionEnded();
      return exchange.done;
    }
    this.#exchange = exchange;
    this.#strayBytes = 0;
    exchange.submit();
    return exchange.done;
  }

  /**
   * Stops what is running; resolves when the server has taken note, or cannot be told. The request could come late and hit
   * a statement after this one, so the connection is not used again.
   */
  cancel(): Promise<void> {
    this.#isReusable = false;
    this.#cancelling ??= this.#sendCancelRequest();
    return this.#cancelling;
  }

  write(request: readonly Buffer[]): boolean {
    const { stream } = this.#client.connection;
    if (!stream.writable) return false;
    for (const buffer of request) stream.write(buffer);
    return true;
  }

  isReady(status: string): void {
    this.#exchange = undefined;
    if (status !== "I") this.destroy(); // Somebody's transaction is still open.
  }

  cut(): void {
    void this.cancel(); // The backend notices a lost connection only when it next writes.
    this.destroy();
  }

  destroy(): void {
    this.#isReusable = false;
    this.#mayStillRun ||= this.#exchange !== undefined;
    this.#client.connection.stream.destroy();
  }

  /** A polite end of an idle connection; not so polite where the server does not answer. Never rejects. */
  async end(): Promise<void> {
    this.#isReusable = false;
    const timer = setTimeout(() => this.destroy(), FAREWELL_MS);
    await this.#client.end();
    clearTimeout(timer);
  }

  #rightsMessages(values: ReturnType<typeof rightsValues>): readonly Buffer[] {
    const parses = !this.#options.ownsSession;
    const writer = new MessageWriter();
    RIGHTS_STATEMENTS.forEach(({ name, sql }, index) => {
      if (parses) writer.parse("", sql, []);
      writer.bind(parses ? "" : name, values[index] ?? []).execute(0);
    });
    return writer.take();
  }

  #prepareSession(): Promise<Outcome> {
    const writer = new MessageWriter();
    for (const { name, sql } of FIXED_STATEMENTS) writer.parse(name, sql, []);
    writer.bind(PIN_STATEMENT.name, []).execute(0).sync();
    const commands = [{ statement: 0, kind: "statement" as const }];
    const first = { request: writer.take(), until: 1, commands, parsing: [], describing: [], endsInSync: true };
    return this.run({
      first,
      fixedCount: 0,
      statementCount: 1,
      guardCount: 0,
      maxBytes: MAX_OPENING_BYTES,
      maxRows: 1,
      mayWrite: false,
    });
  }

  async #sendCancelRequest(): Promise<void> {
    const { processID: processId, secretKey } = this.#client;
    try {
      await sendCancelRequest(this.#options.settings, { processId, secretKey }, AbortSignal.timeout(CANCEL_TIMEOUT_MS));
    } catch {
      this.destroy(); // Out of reach: the server learns of it when it next writes to this connection.
    }
  }

  /** A server that sends what is no message, or talks without being asked, is not listened to any longer. */
  #received(chunk: Buffer): void {
    if (this.#exchange === undefined) this.#strayBytes += chunk.length;
    else this.#exchange.bytesReceived(chunk.length); // What is too large must be known before its last message is read.
    try {
      this.#reader.read(chunk, this.#exchange ?? this.#idleReceiver);
    } catch {
      this.cut();
    }
    if (this.#strayBytes > MAX_STRAY_BYTES) this.cut();
  }

  /** "end" follows, and settles what is running. */
  #failed({ code }: NodeJS.ErrnoException): void {
    this.#isReusable = false;
    if (code === "EPIPE") this.#exchange?.writeRefused();
  }

  #ended(): void {
    this.#hasEnded = true;
    this.#isReusable = false;
    this.#mayStillRun ||= this.#exchange !== undefined;
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.connectionEnded();
  }
}
