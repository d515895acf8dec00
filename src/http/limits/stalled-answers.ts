// Closes connections on which nothing moves. A client that asks for much and does not read would keep its answers in memory.

import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { FastifyReply } from "fastify";

const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Destroys a connection whose client reads nothing of its answers for `timeoutMs`.
 *
 * Node's own timer of a connection restarts when bytes are received or the client reads some. Node closes idle connections by it
 * only while it has no listener, so the listener here closes those, too. Requests that arrive slowly have limits of their own, and
 * queries may run as long as execution lets them.
 *
 * @param latestReply the reply to the newest request of each connection
 */
export function cutStalledAnswers(
  server: Server,
  latestReply: WeakMap<Socket, FastifyReply>,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): void {
  server.setTimeout(timeoutMs, (socket) => {
    const isAnswering = latestReply.get(socket)?.raw.writableEnded === false;
    if (socket.writableLength > 0 || !isAnswering) socket.destroy();
  });
}
