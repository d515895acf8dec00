// Opens the byte stream to a PostgreSQL server: TCP or a unix socket, with TLS as libpq's sslmode says. This file decides on
// encryption and on trust in certificates. It knows nothing of logins or statements. The driver interprets sslmode differently
// from libpq, so the driver gets a stream that is ready.

import { once } from "node:events";
import { constants, existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { connect as connectTcp, isIP, type LookupFunction, type OnReadOpts, type Socket } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { isUnixSocket, type ConnectionSettings } from "./connection-settings.ts";

const READ_BUFFER_BYTES = 65_536;
const KEEP_ALIVE_DELAY_MS = 60_000;
/** Maximum size of a certificate file. The certificates of all public authorities together take a quarter of it. */
const MAX_CERTIFICATES_BYTES = 1024 * 1024;
/** The 8 bytes with which a client asks for TLS: their length and PostgreSQL's number for SSLRequest. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * Returns a connected socket to the server, over TLS if `sslMode` asks for it. Nothing but SSLRequest has been sent on it.
 *
 * @throws the reason of `signal` when it is aborted, and errors of the network, of TLS and of certificate files.
 */
export async function openSocket(settings: ConnectionSettings, signal: AbortSignal): Promise<Socket> {
  if (settings.sslMode === "disable" || isUnixSocket(settings.host))
    return openPlainSocket(settings, signal, readInto());
  const trust = await loadTrust(settings); // The file is read first: if it is missing, no connection is opened.
  try {
    return await openTlsSocket(settings, trust, signal);
  } catch (error) {
    if (settings.sslMode !== "prefer" || !(error instanceof NoTlsError)) throw error;
    return openPlainSocket(settings, signal, readInto());
  }
}

/** The server does not offer TLS, or the TLS handshake failed. */
class NoTlsError extends Error {}

async function openTlsSocket(
  settings: ConnectionSettings,
  trust: ConnectionOptions,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = await openPlainSocket(settings, signal);
  try {
    if (await offersTls(socket, signal)) return await secure(socket, { trust, host: settings.host }, signal);
    throw new NoTlsError(`the server does not offer TLS, and sslmode=${settings.sslMode} asks for it`);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function openPlainSocket(
  { host, port, addresses }: ConnectionSettings,
  signal: AbortSignal,
  onread?: OnReadOpts,
): Promise<Socket> {
  signal.throwIfAborted();
  const place = isUnixSocket(host)
    ? { path: `${host}/.s.PGSQL.${port}` }
    : { host, port, ...(addresses && { lookup: toLookup(addresses) }) };
  const socket = connectTcp({ ...place, ...(onread && { onread }) });
  await ready(socket, "connect", signal);
  socket.setNoDelay(true);
  if (!isUnixSocket(host)) socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
  return socket;
}

/** Returns a look-up function that answers with these addresses. */
function toLookup(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, { all }, callback) => {
    if (all === true) callback(null, found);
    else callback(null, found[0]?.address ?? "", found[0]?.family);
  };
}

/**
 * Makes a socket read into one buffer of its own and emit copies of the data. Without it, Node reserves 64 KB for every read.
 * Such a socket can be read only by listening to "data".
 */
function readInto(): OnReadOpts {
  return {
    buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
    callback(this: Socket, length, buffer) {
      this.emit("data", Buffer.from(buffer.subarray(0, length)));
      return true;
    },
  };
}

/** Waits for `event`, and destroys the socket if it does not come. */
async function ready(socket: Socket, event: string, signal: AbortSignal): Promise<void> {
  try {
    await once(socket, event, { signal });
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? signal.reason : error;
  }
}

async function offersTls(socket: Socket, signal: AbortSignal): Promise<boolean> {
  socket.write(SSL_REQUEST);
  const answer = await readAnswer(socket, signal);
  // A PostgreSQL server answers with one byte. Further bytes before the handshake may come from an attacker between the two ends.
  if (answer.length !== 1) throw new Error("the server's answer to the request for TLS is malformed");
  if (answer.equals(Buffer.from("S"))) return true;
  if (answer.equals(Buffer.from("N"))) return false;
  throw new Error("the server's answer to the request for TLS is not PostgreSQL's");
}

async function readAnswer(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  await ready(socket, "readable", signal);
  const answer = socket.read() as Buffer | null;
  if (answer === null) throw new Error("the server closed the connection without an answer");
  return answer;
}

interface Peer {
  readonly trust: ConnectionOptions;
  readonly host: string;
}

async function secure(socket: Socket, { trust, host }: Peer, signal: AbortSignal): Promise<Socket> {
  const encrypted = connectTls({ socket, host, ...(isIP(host) === 0 ? { servername: host } : {}), ...trust });
  socket.on("error", (error) => encrypted.destroy(error));
  try {
    await ready(encrypted, "secureConnect", signal);
    return encrypted;
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new NoTlsError(`TLS with the server failed: ${(cause as Error).message}`, { cause });
  }
}

/** Returns the TLS options that decide on trust: any certificate, one that an authority signed, or also only one for this host. */
async function loadTrust({ sslMode, sslRootCert }: ConnectionSettings): Promise<ConnectionOptions> {
  if (sslMode === "prefer") return { rejectUnauthorized: false };
  const path = sslRootCert ?? findDefaultRootCert();
  if (path === undefined && sslMode === "require") return { rejectUnauthorized: false };
  if (path === undefined && sslMode === "verify-ca")
    throw new Error("sslmode=verify-ca needs sslrootcert: anybody can have a public certificate");
  const authorities = path === undefined || path === "system" ? {} : { ca: await readCertificates(path) };
  return sslMode === "verify-full" ? authorities : { ...authorities, checkServerIdentity: () => undefined };
}

/** Returns the path of the file that libpq uses when no `sslrootcert` is given, if that file exists. */
function findDefaultRootCert(): string | undefined {
  const path = join(homedir(), ".postgresql", "root.crt");
  return existsSync(path) ? path : undefined;
}

/** Reads a certificate file. A dedicated database's row may name any path, and a device or pipe must not fill memory or block a thread. */
async function readCertificates(path: string): Promise<Buffer> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) throw new Error("it is no regular file");
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_CERTIFICATES_BYTES + 1), 0);
      if (bytesRead > MAX_CERTIFICATES_BYTES) throw new Error(`it is larger than ${MAX_CERTIFICATES_BYTES} bytes`);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new Error(`the file of sslrootcert cannot be read: ${(cause as Error).message}`, { cause });
  }
}
