// Tells when an answer is over: it has been sent, or its connection has closed.

import type { IncomingMessage, ServerResponse } from "node:http";

/** An answer and the request that it answers. */
export interface Exchanged {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Tells whether an answer waits for an earlier one on the same connection (pipelining), so that nothing of it has been sent. */
export function isQueued({ response }: Exchanged): boolean {
  return response.socket === null && !response.writableFinished;
}

export function isOver({ request, response }: Exchanged): boolean {
  return response.closed || request.socket.destroyed;
}

/** Calls the listener once, when the answer is over. Node does not tell a queued answer that its connection has closed. */
export function whenOver(exchanged: Exchanged, listener: () => void): void {
  const { request, response } = exchanged;
  if (!isQueued(exchanged)) {
    response.once("close", listener);
    return;
  }
  const end = (): void => {
    response.off("close", end);
    request.socket.off("close", end);
    listener();
  };
  response.once("close", end);
  request.socket.setMaxListeners(0).once("close", end); // Each queued answer adds one listener, and Node bounds their number.
}
