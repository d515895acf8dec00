// Answers errors below the level of a request: malformed HTTP, headers that are too large, a request that never becomes complete.

import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyReply } from "fastify";
import { GatewayError } from "../base/errors.ts";
import type { Observe } from "../observability/observation.ts";
import { toErrorResponse } from "./error-response.ts";
import { requestIdOf } from "./request-id.ts";

/** Time for a client to read the answer before its connection is cut. */
const LINGER_MS = 1_000;
const HEADER_FIELDS_TOO_LARGE = 431;

export interface ConnectionErrorOptions {
  readonly observe: Observe;
  /** The reply to the newest request of each connection. */
  readonly latestReply: WeakMap<Socket, FastifyReply>;
  /** Answers a request whose body is still being received. */
  readonly refuse: (error: GatewayError, reply: FastifyReply) => void;
}

export type ConnectionErrorHandler = (error: NodeJS.ErrnoException, socket: Socket) => void;

export function createConnectionErrorHandler(options: ConnectionErrorOptions): ConnectionErrorHandler {
  const { observe, latestReply, refuse } = options;
  return (error, socket) => {
    if (!socket.writable || error.code === "ECONNRESET") return;
    const reply = latestReply.get(socket);
    const isIdle = reply === undefined || reply.raw.writableFinished;
    if (isIdle && socket.bytesRead > 0) answerConnection(error, socket, observe);
    else if (!isIdle && !reply.sent && !reply.request.raw.complete)
      refuse(toRefusal(error), reply.header("connection", "close"));
    // The connection has sent nothing, or a request is complete or already has its answer. The client must not mistake this
    // refusal for that answer.
    else socket.destroy();
  };
}

/** Writes an answer directly to the socket, because Node has no request to answer. */
function answerConnection(error: NodeJS.ErrnoException, socket: Socket, observe: Observe): void {
  const requestId = requestIdOf({});
  const refusal = toRefusal(error);
  observe({ kind: "query-failed", requestId, durationMs: 0, code: refusal.code });
  const { headers, body, status } = toErrorResponse(refusal, requestId);
  const statusSent = error.code === "HPE_HEADER_OVERFLOW" ? HEADER_FIELDS_TOO_LARGE : status;
  const lines = [
    `HTTP/1.1 ${statusSent} ${STATUS_CODES[statusSent] ?? ""}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

function toRefusal({ code }: NodeJS.ErrnoException): GatewayError {
  switch (code ?? "") {
    case "HPE_HEADER_OVERFLOW":
      return new GatewayError("INVALID_REQUEST", "The request's headers are too large");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new GatewayError("INVALID_REQUEST", "The request was not received completely in time");
    default:
      return new GatewayError("INVALID_REQUEST", "The request is not valid HTTP");
  }
}
