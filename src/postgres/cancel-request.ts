import { once } from "node:events";
import type { ConnectionSettings } from "./connection-settings.ts";
import { openSocket } from "./open-socket.ts";

/** Identifies the connection to interrupt: the numbers that the server sent at its login (BackendKeyData). */
export interface CancelKey {
  readonly processId: number;
  readonly secretKey: number;
}

const CANCEL_REQUEST_CODE = 80_877_102;

/**
 * Asks the server to interrupt what the connection with this key is running, over a connection of its own.
 *
 * The promise resolves when the server has taken the request. The statement, if it still runs, then fails with an error of its own.
 */
export async function sendCancelRequest(
  settings: ConnectionSettings,
  key: CancelKey,
  signal: AbortSignal,
): Promise<void> {
  const socket = await openSocket(settings, signal);
  try {
    const message = Buffer.alloc(16);
    message.writeInt32BE(message.length, 0);
    message.writeInt32BE(CANCEL_REQUEST_CODE, 4);
    message.writeInt32BE(key.processId, 8);
    message.writeInt32BE(key.secretKey, 12);
    socket.end(message);
    socket.resume(); // The server answers by closing the connection.
    await once(socket, "close", { signal });
  } finally {
    socket.destroy();
  }
}
