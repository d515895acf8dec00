// Parses a PostgreSQL URL as libpq parses it, and refuses a URL that Postgate cannot honour. It opens nothing. Its errors name
// the mistake, and never repeat a part of the URL that could be a password.

import { userInfo } from "node:os";

/** libpq's `sslmode`. */
type SslMode = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

/** The kind of server that a connection needs: libpq's `target_session_attrs`. */
type SessionAttributes = "read-write" | "primary";

export interface ServerPlace {
  /** A host name or address, or the folder of a unix socket (starts with `/`). */
  readonly host: string;
  readonly port: number;
  /** The addresses to connect to, if they are known. The name is then not resolved again, and TLS still asks for the name. */
  readonly addresses?: readonly string[];
}

/** The place to connect to and the login: one parsed PostgreSQL URL. */
export interface ConnectionSettings extends ServerPlace {
  /** The places to try, in this order, if the first one fails. */
  readonly otherPlaces?: readonly ServerPlace[];
  readonly targetSessionAttributes?: SessionAttributes;
  readonly user: string;
  readonly password: string | undefined;
  /** Reads the current password, for a login whose password may change. It is called when the server refuses `password`. */
  readonly renewPassword?: () => Promise<string | undefined>;
  readonly database: string;
  readonly sslMode: SslMode;
  /** A path to PEM certificates, or `system` for the public authorities. Undefined for libpq's default file, if it exists. */
  readonly sslRootCert: string | undefined;
  /** True to refuse a server that does not prove with SCRAM-SHA-256-PLUS that it is the other end of the TLS connection. */
  readonly requireChannelBinding?: boolean;
  /** The URL's `connect_timeout`, and 0 for no limit. */
  readonly connectTimeoutMs?: number;
  readonly applicationName?: string;
  /** Command-line options for the server's session, e.g. `-c geqo=off`. */
  readonly options?: string;
}

const SSL_MODES: readonly SslMode[] = ["disable", "prefer", "require", "verify-ca", "verify-full"];

const ASSIGNED_PARAMETERS = [
  "host",
  "port",
  "user",
  "password",
  "dbname",
  "sslmode",
  "sslrootcert",
  "channel_binding",
  "connect_timeout",
  "application_name",
  "options",
  "target_session_attrs",
] as const;

type Assigned = Partial<Record<(typeof ASSIGNED_PARAMETERS)[number], string>>;

/** libpq's parameters that a URL may have without effect, because they only ask for the default. A list holds the allowed values. */
const HARMLESS_PARAMETERS: Readonly<Record<string, readonly string[] | "any">> = {
  client_encoding: ["UTF8", "utf8", "UTF-8", "utf-8", "auto"],
  fallback_application_name: "any",
  gssencmode: ["disable", "prefer"],
  keepalives: "any",
  keepalives_count: "any",
  keepalives_idle: "any",
  keepalives_interval: "any",
  sslcompression: ["0"],
  sslnegotiation: ["postgres"],
  tcp_user_timeout: "any",
};

/**
 * Parses a PostgreSQL URL.
 *
 * @throws Error when the text is not a PostgreSQL URL, or asks for something that Postgate does not do. The message may be
 * shown, because the only parts of the URL in it are names of parameters.
 */
export function parseConnectionUrl(url: string): ConnectionSettings {
  const match = /^postgres(?:ql)?:\/\/(?:([^@/]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(url.trim());
  if (match === null) throw new Error("it must have the form postgres://user:password@host:port/database");
  const [, login, address = "", path = "", query = ""] = match;
  if (/[@#]/.test(address + path) || (login === undefined && query.includes("@")))
    throw new Error("special characters in the user name, password or database must be percent-encoded (@ is %40)");
  return toSettings({
    ...parseLogin(login ?? ""),
    ...parseAddress(address),
    ...(path === "" ? {} : { dbname: decode(path, "the database name") }),
    ...parseParameters(query),
  });
}

/** Describes a connection for messages, without the password. */
export function describeConnection({ host, port, user, database }: ConnectionSettings): string {
  const place = isUnixSocket(host) ? `${host}/.s.PGSQL.${port}` : `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return `database "${database}" on ${place} as "${user}"`;
}

export function isUnixSocket(host: string): boolean {
  return host.startsWith("/");
}

function parseLogin(login: string): Assigned {
  const colon = login.indexOf(":");
  const user = decode(colon < 0 ? login : login.slice(0, colon), "the user name");
  const password = colon < 0 ? "" : decode(login.slice(colon + 1), "the password");
  return { ...(user === "" ? {} : { user }), ...(password === "" ? {} : { password }) };
}

/** Parses one place, or several with commas between them. */
function parseAddress(address: string): Assigned {
  const places = address.split(",").map(parsePlace);
  const hosts = places.map(({ host }) => host).join();
  const ports = places.map(({ port }) => port).join();
  return { ...(/^,*$/.test(hosts) ? {} : { host: hosts }), ...(/^,*$/.test(ports) ? {} : { port: ports }) };
}

function parsePlace(address: string): { readonly host: string; readonly port: string } {
  const match = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]]*))(?::(.*))?$/s.exec(address);
  if (match === null) throw new Error("the host is malformed (an IPv6 address stands in brackets)");
  const [, bracketed, name = "", port = ""] = match;
  return { host: decode(bracketed ?? name, "the host"), port };
}

function parseParameters(query: string): Assigned {
  const assigned: Assigned = {};
  for (const pair of query === "" ? [] : query.split("&")) {
    const [, name = "", text = ""] = /^([^=]*)=([^=]*)$/s.exec(pair) ?? [];
    if (!/^[A-Za-z_]{1,40}$/.test(name)) throw new Error("its parameters must have the form ?name=value&name=value");
    const value = decode(text, `the parameter "${name}"`);
    const known = ASSIGNED_PARAMETERS.find((parameter) => parameter === name);
    if (value === "") continue; // An empty parameter counts as left out.
    if (known !== undefined) assigned[known] = value;
    else requireHarmless(name, value);
  }
  return assigned;
}

function requireHarmless(name: string, value: string): void {
  const accepted = Object.hasOwn(HARMLESS_PARAMETERS, name) ? HARMLESS_PARAMETERS[name] : undefined;
  if (accepted === undefined)
    throw new Error(`the parameter "${name}" is not supported (supported: ${ASSIGNED_PARAMETERS.join(", ")})`);
  if (accepted !== "any" && !accepted.includes(value))
    throw new Error(`the parameter "${name}" may only be ${accepted.join(" or ")}`);
}

function decode(text: string, what: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw new Error(`${what} has a broken percent-encoding (a percent sign itself is %25)`);
  }
  if (decoded.includes("\0")) throw new Error(`${what} holds a NUL character`);
  return decoded;
}

function toSettings(assigned: Assigned): ConnectionSettings {
  const user = assigned.user ?? defaultUser();
  const timeout = assigned.connect_timeout;
  return Object.freeze({
    ...toPlaces(assigned.host ?? "localhost", assigned.port ?? "5432"),
    user,
    password: assigned.password,
    database: assigned.dbname ?? user,
    ...toTlsSettings(assigned),
    ...(timeout ? { connectTimeoutMs: parseTimeout(timeout) } : {}),
    ...(assigned.application_name ? { applicationName: assigned.application_name } : {}),
    ...(assigned.options ? { options: assigned.options } : {}),
    ...toTarget(assigned.target_session_attrs),
  });
}

/** Pairs hosts with ports as libpq does: one port for all hosts, or one port for each. */
function toPlaces(hostList: string, portList: string): Pick<ConnectionSettings, "host" | "port" | "otherPlaces"> {
  const ports = portList.split(",");
  const hosts = hostList.split(",");
  if (ports.length > 1 && ports.length !== hosts.length) throw new Error("it must have one port, or one for each host");
  const portOf = (index: number): string => ports[ports.length > 1 ? index : 0] ?? "";
  const [first, ...others] = hosts.map((host, index) => ({
    host: host === "" ? "localhost" : host,
    port: portOf(index) === "" ? 5_432 : parsePort(portOf(index)),
  }));
  return { host: "localhost", port: 5_432, ...first, ...(others.length > 0 ? { otherPlaces: others } : {}) };
}

function toTarget(text = "any"): Pick<ConnectionSettings, "targetSessionAttributes"> {
  if (text === "any") return {};
  if (text === "read-write" || text === "primary") return { targetSessionAttributes: text };
  throw new Error('the parameter "target_session_attrs" must be one of any, read-write, primary');
}

function toTlsSettings({
  sslmode,
  sslrootcert: sslRootCert,
  channel_binding,
}: Assigned): Pick<ConnectionSettings, "sslMode" | "sslRootCert" | "requireChannelBinding"> {
  const sslMode = sslmode ? parseSslMode(sslmode) : sslRootCert === "system" ? "verify-full" : "prefer";
  if (sslRootCert === "system" && sslMode !== "verify-full")
    throw new Error("sslrootcert=system needs sslmode=verify-full: anybody can have a public certificate");
  if (!["disable", "prefer", "require", undefined].includes(channel_binding))
    throw new Error('the parameter "channel_binding" must be one of disable, prefer, require');
  return { sslMode, sslRootCert, ...(channel_binding === "require" ? { requireChannelBinding: true } : {}) };
}

function parseSslMode(text: string): SslMode {
  const mode = SSL_MODES.find((candidate) => candidate === text);
  if (mode === undefined) throw new Error(`the parameter "sslmode" must be one of ${SSL_MODES.join(", ")}`);
  return mode;
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new Error("the port must be a number from 1 to 65535");
  return port;
}

function parseTimeout(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new Error('the parameter "connect_timeout" must be a number of seconds');
  return Number(text) * 1_000;
}

/** Returns libpq's default: the name of the operating system's user. */
function defaultUser(): string {
  try {
    return userInfo().username;
  } catch (cause) {
    throw new Error("it must name a user: the operating system has no name for the one who runs this", { cause });
  }
}
