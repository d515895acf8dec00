// When an answer is over: sent, or its connection is gone.

import type { IncomingMessage, ServerResponse } from "node:http";

/** An answer and the request that it answers. */
export interface Exchanged {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** It waits for another on the same connection, whose request came before (pipelining): nothing of it is sent yet. */
export function isQueued({ response }: Exchanged): boolean {
  return response.socket === null && !response.writableFinished;
}

export function isOver({ request, response }: Exchanged): boolean {
  return response.closed || request.socket.destroyed;
}

/** Calls back once. Node tells an answer that is queued nothing of the end of its connection. */
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
  request.socket.setMaxListeners(0).once("close", end); // One for each that is queued, which Node bounds.
}
