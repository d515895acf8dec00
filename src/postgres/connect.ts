// Opens a connection to PostgreSQL. In charge of everything that is decided before the first statement: the stream, the
// login, the startup packet. Nothing of it comes from PG* variables or ~/.pgpass, which the driver reads by itself.

import type { Socket } from "node:net";
import { Client, DatabaseError } from "pg";
import { GatewayError } from "../base/errors.ts";
import { describeConnection, type ConnectionSettings } from "./connection-settings.ts";
import { openSocket } from "./open-socket.ts";

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
/** A login takes a few hundred bytes, and what its database says in notices. */
const MAX_LOGIN_BYTES = 256 * 1024;
/** invalid_authorization_specification: pg_hba.conf has no entry for this login with (or without) TLS. */
const NO_HBA_ENTRY = "28000";
const WRONG_PASSWORD = "28P01";

/** Decides which servers may be connected to. */
export interface ServerGuard {
  /**
   * Resolves the hosts, and gives the settings with the addresses that may be connected to.
   *
   * @throws GatewayError UNAVAILABLE when one of the places is not allowed.
   */
  readonly admit: (settings: ConnectionSettings, signal: AbortSignal) => Promise<AdmittedServer>;
}

export interface AdmittedServer {
  readonly settings: ConnectionSettings;
  /** Looks at the server after the login, before anything else runs there. Throws as `admit` does. */
  readonly confirm: (client: Client) => Promise<void>;
}

export interface ConnectOptions {
  /** What pg_stat_activity shows; default the URL's, or `postgate`. */
  readonly applicationName?: string;
  /** Settings of the server for this session, sent in the startup packet, e.g. `{ TimeZone: "UTC" }`. */
  readonly startupOptions?: Readonly<Record<string, string>>;
  /** For TCP, TLS and login together; 0 for no limit. Default the URL's `connect_timeout`, or 10 s. */
  readonly connectTimeoutMs?: number;
  /** That the driver reads after the login; no limit where it is left out. The connection is cut beyond. */
  readonly maxAnswerBytes?: number;
  /** Every server is allowed where it is left out. */
  readonly guard?: ServerGuard | undefined;
  readonly signal?: AbortSignal;
}

/** A connection could not be made: the server cannot be reached, or refuses the login. Nothing was run. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  /** The server's reason, when it was the server that refused. */
  readonly sqlstate: string | undefined;

  constructor(settings: ConnectionSettings, cause: unknown) {
    super(`cannot connect to ${describeConnection(settings)}: ${reasonOf(cause)}`, { cause });
    this.sqlstate = cause instanceof DatabaseError ? cause.code : undefined;
  }
}

/**
 * A connection that is logged in. The caller ends it. When it dies later, its next query tells so.
 *
 * @throws ConnectionError naming the place and the reason, never the password.
 * @throws GatewayError UNAVAILABLE when `guard` does not allow the server.
 * @throws what `signal` was aborted with.
 */
export async function connect(given: ConnectionSettings, options: ConnectOptions = {}): Promise<Client> {
  const { settings, confirm } = await admit(given, options);
  const login = { ...options, confirm };
  const { otherPlaces = [], ...first } = settings;
  if (otherPlaces.length === 0) return connectTo(first, login);
  const refusals: unknown[] = [];
  for (const place of placesOf(settings)) {
    try {
      return await connectTo(place, login);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof GatewayError) throw error; // Another place would only hide that one is not allowed.
      refusals.push(error);
    }
  }
  throw new ConnectionError(settings, new AggregateError(refusals));
}

/** The server and the address that took this connection, whatever the name means by now: cancel requests go there. */
export function placeOf(client: Client, settings: ConnectionSettings): ConnectionSettings {
  const { remoteAddress } = client.connection.stream as { readonly remoteAddress?: string };
  const addresses = remoteAddress === undefined ? {} : { addresses: [remoteAddress] };
  return { ...settings, host: client.host, port: client.port, ...addresses };
}

async function admit(settings: ConnectionSettings, options: ConnectOptions): Promise<AdmittedServer> {
  const { guard } = options;
  if (guard === undefined) return { settings, confirm: () => Promise.resolve() };
  try {
    return await withDeadline(settings, options, (signal) => guard.admit(settings, signal));
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error instanceof GatewayError ? error : new ConnectionError(settings, error);
  }
}

function placesOf(settings: ConnectionSettings): readonly ConnectionSettings[] {
  const { otherPlaces = [], host, port, addresses, ...login } = settings;
  const first = { host, port, ...(addresses && { addresses }) };
  return [first, ...otherPlaces].map((place) => ({ ...login, ...place }));
}

/** How one place is logged in to. */
type LoginOptions = ConnectOptions & Pick<AdmittedServer, "confirm">;

async function connectTo(settings: ConnectionSettings, options: LoginOptions): Promise<Client> {
  try {
    return await withDeadline(settings, options, (signal) => logIn(settings, options, signal));
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof GatewayError) throw error;
    const refusal = new ConnectionError(settings, error);
    const other = await findOtherWay(settings, refusal);
    if (other === undefined) throw refusal;
    return connectTo(other, options);
  }
}

/** What is to be tried after a refusal, once each. */
async function findOtherWay(
  settings: ConnectionSettings,
  { sqlstate }: ConnectionError,
): Promise<ConnectionSettings | undefined> {
  // libpq's "prefer" tries without TLS what the server refuses with it.
  if (settings.sslMode === "prefer" && sqlstate === NO_HBA_ENTRY) return { ...settings, sslMode: "disable" };
  const { renewPassword, ...fixed } = settings;
  if (sqlstate !== WRONG_PASSWORD || renewPassword === undefined) return undefined;
  return { ...fixed, password: await renewPassword() };
}

async function withDeadline<T>(
  settings: ConnectionSettings,
  options: ConnectOptions,
  use: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeoutMs = options.connectTimeoutMs ?? settings.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
  const deadline = new AbortController();
  const expire = (): void => deadline.abort(new Error(`no answer within ${timeoutMs / 1_000} s`));
  const forward = (): void => deadline.abort(options.signal?.reason);
  const timer = timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined;
  options.signal?.addEventListener("abort", forward, { once: true });
  try {
    options.signal?.throwIfAborted();
    return await use(deadline.signal);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", forward);
  }
}

async function logIn(settings: ConnectionSettings, options: LoginOptions, signal: AbortSignal): Promise<Client> {
  const socket = await openSocket(settings, signal);
  const client = new PlainClient(settings, options, socket);
  client.on("error", () => undefined); // Without a listener an idle connection that dies would end the process.
  const abort = (): unknown => socket.destroy();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await client.connect();
    client.requireBoundChannel();
    await options.confirm(client);
    await requireTarget(client, settings);
    client.allowAnswers(options.maxAnswerBytes);
    return client;
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

const REFUSED_TARGETS = {
  "read-write": { setting: "transaction_read_only", says: "the server is read-only" },
  primary: { setting: "in_hot_standby", says: "the server is a standby" },
} as const;

async function requireTarget(client: Client, { targetSessionAttributes }: ConnectionSettings): Promise<void> {
  if (targetSessionAttributes === undefined) return;
  const { setting, says } = REFUSED_TARGETS[targetSessionAttributes];
  const { rows } = await client.query<Record<string, string>>(`show ${setting}`);
  if (rows[0]?.[setting] !== "off")
    throw new Error(`${says}, and target_session_attrs=${targetSessionAttributes} asks for another`);
}

/** The driver's client, told everything, so that it asks the environment for nothing. */
class PlainClient extends Client {
  readonly #startup: Readonly<Record<string, string>>;
  readonly #allowance: Allowance;
  #channel: "any" | "unbound" | "bound";

  constructor(settings: ConnectionSettings, options: ConnectOptions, socket: Socket) {
    const allowance = { bytes: MAX_LOGIN_BYTES };
    super({
      host: settings.host,
      port: settings.port,
      user: settings.user,
      database: settings.database,
      password: () => this.#password(settings), // A function also when there is none: else ~/.pgpass is read.
      ssl: false, // The socket is already as safe as it was asked to be.
      sslnegotiation: "postgres",
      stream: () => toUnconnected(socket, allowance),
      enableChannelBinding: settings.requireChannelBinding === true,
    });
    this.#allowance = allowance;
    this.#startup = toStartup(settings, options);
    this.#channel = settings.requireChannelBinding === true ? "unbound" : "any";
    this.connection.on("authenticationSASL", ({ mechanisms }: { readonly mechanisms: readonly string[] }) => {
      if (this.#channel === "unbound" && mechanisms.includes("SCRAM-SHA-256-PLUS")) this.#channel = "bound";
    });
  }

  /** Replaces the driver's own, which adds PGOPTIONS and PGREPLICATION. */
  getStartupConf(): Readonly<Record<string, string>> {
    return this.#startup;
  }

  /** The login has come to its end. */
  allowAnswers(bytes = Number.POSITIVE_INFINITY): void {
    this.#allowance.bytes = bytes;
  }

  requireBoundChannel(): void {
    if (this.#channel === "unbound") throw new Error("the server offers no channel binding, and the URL requires it");
  }

  #password({ password }: ConnectionSettings): string {
    this.requireBoundChannel(); // Before the password leaves.
    if (password === undefined) throw new Error("the server asks for a password, and none is given");
    return password;
  }
}

/** What the server may still send. */
interface Allowance {
  bytes: number;
}

/**
 * The driver connects its stream itself; this one is connected already, and only says so. And the driver's reader throws
 * where a message is malformed, and keeps what is announced as one however long it is: that costs the connection, not the
 * process, whatever server is at the other end.
 */
function toUnconnected(socket: Socket, allowance: Allowance): Socket {
  const listen = socket.on.bind(socket) as (event: string, listener: (...args: never[]) => void) => Socket;
  return Object.assign(socket, {
    connect: (): Socket => {
      queueMicrotask(() => socket.emit("connect"));
      return socket;
    },
    on: (event: string, listener: (...args: unknown[]) => void): Socket =>
      listen(
        event,
        event === "data" ? (chunk: Buffer) => readGuarded(chunk, listener, { socket, allowance }) : listener,
      ),
  });
}

interface Guarded {
  readonly socket: Socket;
  readonly allowance: Allowance;
}

function readGuarded(chunk: Buffer, read: (chunk: Buffer) => void, { socket, allowance }: Guarded): void {
  allowance.bytes -= chunk.length;
  try {
    if (allowance.bytes < 0) throw new Error("the server sends more than was asked for");
    read(chunk);
  } catch (error) {
    socket.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

function toStartup(settings: ConnectionSettings, options: ConnectOptions): Readonly<Record<string, string>> {
  return {
    user: settings.user,
    database: settings.database,
    application_name: options.applicationName ?? settings.applicationName ?? "postgate",
    ...(settings.options === undefined ? {} : { options: settings.options }),
    ...options.startupOptions,
  };
}

function reasonOf(cause: unknown): string {
  // Node tries every address of a host, and then gives one error that holds them all and says nothing itself.
  if (cause instanceof AggregateError) return [...new Set(cause.errors.map(reasonOf))].join("; ");
  return cause instanceof Error ? cause.message : String(cause);
}
