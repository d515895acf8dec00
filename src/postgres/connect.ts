// Opens a connection to PostgreSQL. This file decides everything before the first statement: the stream, the login and the
// startup packet. It keeps the driver from reading PG* variables and ~/.pgpass.

import type { Socket } from "node:net";
import { Client, DatabaseError } from "pg";
import { GatewayError } from "../base/errors.ts";
import { describeConnection, type ConnectionSettings } from "./connection-settings.ts";
import { openSocket } from "./open-socket.ts";

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
/** Maximum size of a server's answers to a login. A login takes a few hundred bytes, and the notices that its database sends. */
const MAX_LOGIN_BYTES = 256 * 1024;
/** SQLSTATE invalid_authorization_specification: pg_hba.conf has no entry for this login with (or without) TLS. */
const NO_HBA_ENTRY = "28000";
const WRONG_PASSWORD = "28P01";

/** Decides which servers may be connected to. */
export interface ServerGuard {
  /**
   * Resolves the hosts, and returns the settings with the addresses that may be connected to.
   *
   * @throws GatewayError UNAVAILABLE when one of the places is not allowed.
   */
  readonly admit: (settings: ConnectionSettings, signal: AbortSignal) => Promise<AdmittedServer>;
}

export interface AdmittedServer {
  readonly settings: ConnectionSettings;
  /**
   * Checks the server after the login, before anything else runs there.
   *
   * @throws GatewayError UNAVAILABLE when the server is not allowed.
   */
  readonly confirm: (client: Client) => Promise<void>;
}

export interface ConnectOptions {
  /** The name in pg_stat_activity. The default is the URL's application_name, or `postgate`. */
  readonly applicationName?: string;
  /** Server settings for this session, sent in the startup packet, e.g. `{ TimeZone: "UTC" }`. */
  readonly startupOptions?: Readonly<Record<string, string>>;
  /** Time limit of one try: TCP, TLS and login together. 0 for no limit. The default is the URL's `connect_timeout`, or 10 s. */
  readonly connectTimeoutMs?: number;
  /** Maximum number of bytes that the driver reads after the login. A server that sends more is cut off. No limit if it is left out. */
  readonly maxAnswerBytes?: number;
  /** Decides which servers are allowed. Every server is allowed if it is left out. */
  readonly guard?: ServerGuard | undefined;
  readonly signal?: AbortSignal;
}

/** A connection could not be made: the server cannot be reached, or refuses the login. No statement was run. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  /** The SQLSTATE of the server's refusal. Undefined if the server sent none. */
  readonly sqlstate: string | undefined;

  constructor(settings: ConnectionSettings, cause: unknown) {
    super(`cannot connect to ${describeConnection(settings)}: ${reasonOf(cause)}`, { cause });
    this.sqlstate = cause instanceof DatabaseError ? cause.code : undefined;
  }
}

/**
 * Opens a connection and logs in. The caller ends the connection. If it dies later, its next query fails.
 *
 * @throws ConnectionError when no connection can be made. The message names the place and the reason, never the password.
 * @throws GatewayError UNAVAILABLE when `guard` does not allow the server.
 * @throws the reason of `signal` when it is aborted.
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
      if (error instanceof GatewayError) throw error; // To try another place would only hide that this one is not allowed.
      refusals.push(error);
    }
  }
  throw new ConnectionError(settings, new AggregateError(refusals));
}

/** Returns the settings with the server and address of this connection, for cancel requests: the name may resolve to another one now. */
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

/** The options of a login to one place. */
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

/** Returns the settings for another try after a refusal, or undefined. Each kind of other try is made once. */
async function findOtherWay(
  settings: ConnectionSettings,
  { sqlstate }: ConnectionError,
): Promise<ConnectionSettings | undefined> {
  // With "prefer", libpq tries a login without TLS that the server refuses with TLS.
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
  client.on("error", () => undefined); // Without a listener, an idle connection that dies would end the process.
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

/** The driver's client with every setting given, so that it reads nothing from the environment. */
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
      password: () => this.#password(settings), // It is a function even without a password: otherwise the driver reads ~/.pgpass.
      ssl: false, // The socket already uses TLS if sslMode asks for it.
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

  /** Overrides the driver's method, which adds PGOPTIONS and PGREPLICATION. */
  getStartupConf(): Readonly<Record<string, string>> {
    return this.#startup;
  }

  /** Replaces the limit of the login by the limit of the answers. */
  allowAnswers(bytes = Number.POSITIVE_INFINITY): void {
    this.#allowance.bytes = bytes;
  }

  requireBoundChannel(): void {
    if (this.#channel === "unbound") throw new Error("the server offers no channel binding, and the URL requires it");
  }

  #password({ password }: ConnectionSettings): string {
    this.requireBoundChannel(); // The check is made before the password is sent.
    if (password === undefined) throw new Error("the server asks for a password, and none is given");
    return password;
  }
}

/** The number of bytes that the server may still send. */
interface Allowance {
  bytes: number;
}

/**
 * Prepares a connected socket for the driver, which wants to connect its stream itself: this socket only reports that it is
 * connected. It also guards the driver's reader, which throws at a malformed message, and which buffers a message of any
 * announced length. An untrusted server that sends either loses the connection, and the process goes on.
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
  // Node tries every address of a host, and then throws one error that holds all errors and has no message of its own.
  if (cause instanceof AggregateError) return [...new Set(cause.errors.map(reasonOf))].join("; ");
  return cause instanceof Error ? cause.message : String(cause);
}
