// Starts a TCP server in front of the test run's real PostgreSQL server. It answers the request for TLS as a test chooses.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";

/**
 * The answer to the request for TLS: TLS, "no", TLS that refuses every login, another protocol, extra bytes that the server
 * did not send, or nothing. `asks-password` answers a login with a request for a password in clear text.
 */
export type Manners =
  "tls" | "plain" | "tls-without-entry" | "broken-tls" | "http" | "stuffed" | "closes" | "silent" | "asks-password";

export interface Front {
  readonly port: number;
  /** The kind of each connection that reached a login, in order. */
  readonly logins: readonly ("tls" | "plain")[];
  /** The passwords that were sent in clear text. */
  readonly passwords: readonly string[];
  close(): Promise<void>;
}

const certificates = new URL("certificates/", import.meta.url);
export const AUTHORITY = new URL("authority.pem", certificates).pathname;
export const OTHER_AUTHORITY = new URL("other-authority.pem", certificates).pathname;
const IDENTITY = {
  key: readFileSync(new URL("server-key.pem", certificates)),
  cert: readFileSync(new URL("server.pem", certificates)),
};

const SSL_REQUEST_LENGTH = 8;
const NO_ENTRY = errorResponse("28000", "no pg_hba.conf entry for this login with encryption");
const ASK_PASSWORD = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]);

export async function openFront(manners: Manners, behind: string): Promise<Front> {
  const logins: ("tls" | "plain")[] = [];
  const passwords: string[] = [];
  const sockets = new Set<Socket>();
  const forward = (socket: Socket, kind: "tls" | "plain"): void => {
    logins.push(kind);
    const server = connect(behind);
    socket.on("error", () => server.destroy());
    server.on("error", () => socket.destroy());
    socket.pipe(server).pipe(socket);
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", (first: Buffer) => {
      if (first.length !== SSL_REQUEST_LENGTH) {
        if (manners === "asks-password") askPassword(socket, passwords);
        else forward(withFirst(socket, first), "plain");
        return;
      }
      answer(manners, { socket, forward, logins });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, logins, passwords, close: () => close(server, sockets) };
}

/** Returns the socket with `first` put back, as if it had not been read. */
function withFirst(socket: Socket, first: Buffer): Socket {
  socket.pause();
  socket.unshift(first);
  return socket;
}

interface Caller {
  readonly socket: Socket;
  readonly forward: (socket: Socket, kind: "tls" | "plain") => void;
  readonly logins: ("tls" | "plain")[];
}

function answer(manners: Manners, { socket, forward, logins }: Caller): void {
  switch (manners) {
    case "tls":
      socket.write("S");
      forward(startTls(socket), "tls");
      return;
    case "tls-without-entry": {
      socket.write("S");
      const encrypted = startTls(socket);
      encrypted.once("data", () => {
        logins.push("tls");
        encrypted.end(NO_ENTRY);
      });
      return;
    }
    case "plain":
    case "asks-password":
      socket.write("N"); // A login in plain text follows, as from a client that does not ask for TLS.
      socket.once("data", (startup: Buffer) => forward(withFirst(socket, startup), "plain"));
      return;
    case "broken-tls":
      socket.write("S");
      socket.once("data", () => socket.end("this is no TLS"));
      return;
    case "http":
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      return;
    case "stuffed":
      socket.write("SR");
      return;
    case "closes":
      socket.end();
      return;
    case "silent":
      return;
  }
}

function startTls(socket: Socket): TLSSocket {
  const encrypted = new TLSSocket(socket, { isServer: true, ...IDENTITY });
  encrypted.on("error", () => undefined);
  return encrypted;
}

function askPassword(socket: Socket, passwords: string[]): void {
  socket.write(ASK_PASSWORD);
  socket.once("data", (message: Buffer) => {
    passwords.push(message.subarray(5, -1).toString());
    socket.end(errorResponse("28P01", "wrong password"));
  });
}

function errorResponse(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const header = Buffer.alloc(5);
  header.write("E");
  header.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([header, fields]);
}

async function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, "close");
}
