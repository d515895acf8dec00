// Reads the bytes of a body within the limit, or discards them when the request is refused.

import type { IncomingMessage } from "node:http";
import { GatewayError } from "../../base/errors.ts";
import { type HeldBody, UNCOUNTED_BODY_BYTES } from "../limits/body-budget.ts";
import { toGatewayError } from "../error-response.ts";

/** Maximum bytes of a refused body that are discarded, and maximum time for it, before the connection is closed. */
const MAX_DISCARDED_BYTES = 67_108_864;
const MAX_DISCARDING_MS = 5_000;

const NO_BYTES = Buffer.alloc(0);

/**
 * Gathers the pieces of a body in one buffer. A chunk of one byte that is kept as a buffer takes more than a hundred bytes. A body
 * of a single piece is not copied.
 */
class GatheredBytes {
  readonly #expectedBytes: number;
  #buffer: Buffer = NO_BYTES;
  #length = 0;

  /** @param expectedBytes the Content-Length, with which the buffer need not grow; 0 if it is not known */
  constructor(expectedBytes: number) {
    this.#expectedBytes = expectedBytes;
  }

  add(piece: Buffer): void {
    const length = this.#length + piece.length;
    if (this.#length === 0) {
      this.#buffer = piece;
      this.#length = length;
      return;
    }
    if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.#expectedBytes || 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    piece.copy(this.#buffer, this.#length);
    this.#length = length;
  }

  take(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

/**
 * Reads the whole body.
 *
 * @throws GatewayError PAYLOAD_TOO_LARGE as soon as the body is known to be over the limit. The rest stays unread.
 * @throws GatewayError as `held.reserve` does: before anything is read if the length is known, and otherwise as soon as the body
 * turns out not to be small.
 * @throws Error when the client goes away before the end of the body.
 */
export function readBody(request: IncomingMessage, limitBytes: number, held: HeldBody): Promise<Buffer> {
  // If the client has gone while its token was looked up, none of the events that `receive` waits for would come.
  return request.destroyed ? Promise.reject(closedInBody()) : receive(request, limitBytes, held);
}

function receive(request: IncomingMessage, limitBytes: number, held: HeldBody): Promise<Buffer> {
  return new Promise<Buffer>((resolve, reject) => {
    const { socket } = request;
    const declaredBytes = Number(request.headers["content-length"] ?? 0);
    if (declaredBytes > limitBytes) throw payloadTooLarge(limitBytes);
    held.reserve(declaredBytes);
    let reservedBytes = Math.max(declaredBytes, UNCOUNTED_BODY_BYTES);
    const received = new GatheredBytes(declaredBytes);
    let receivedBytes = 0;
    const requireRoom = (): void => {
      if (receivedBytes > limitBytes) throw payloadTooLarge(limitBytes);
      if (receivedBytes <= reservedBytes) return;
      held.reserve(limitBytes); // The final size is not known, so it counts as the largest.
      reservedBytes = limitBytes;
    };
    const onData = (chunk: Buffer): void => {
      receivedBytes += chunk.length;
      try {
        requireRoom();
        received.add(chunk);
      } catch (error) {
        request.off("data", onData).pause();
        stop();
        reject(toGatewayError(error));
      }
    };
    const onEnd = (): void => {
      stop();
      resolve(received.take());
    };
    // Node also reports a client that has gone as an "error", with the message "aborted".
    const onError = (error: Error): void => {
      stop();
      reject(error);
    };
    // Once a request has been answered, Node no longer reports to it that the connection has closed. A request is answered early when
    // the rest of its body is not valid HTTP.
    const onClose = (): void => onError(closedInBody());
    const stop = (): void => void socket.off("close", onClose);
    socket.on("close", onClose);
    request.on("data", onData).on("end", onEnd).on("error", onError);
  });
}

/**
 * Discards the rest of a refused body. Otherwise a client that is still sending would find the connection broken and never see the
 * answer.
 *
 * The bytes and the time are bounded. It resolves to false if the rest may not be complete: the connection cannot be used again then.
 */
export function discardBody(request: IncomingMessage): Promise<boolean> {
  if (request.complete || request.destroyed || !hasBody(request)) return Promise.resolve(true);
  return new Promise((resolve) => {
    let discardedBytes = 0;
    const stop = (): void => {
      clearTimeout(timer);
      request.off("data", onData);
      resolve(request.complete);
    };
    const onData = (chunk: Buffer): void => {
      discardedBytes += chunk.length;
      if (discardedBytes > MAX_DISCARDED_BYTES) stop();
    };
    const timer = setTimeout(stop, MAX_DISCARDING_MS);
    request.on("data", onData).resume();
    request.once("end", stop).once("close", stop).once("error", stop);
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

function closedInBody(): Error {
  return new Error("The connection was closed in mid-body");
}

function payloadTooLarge(limitBytes: number): GatewayError {
  const limit = limitBytes >= 1_048_576 ? `${limitBytes / 1_048_576} MB` : `${limitBytes} bytes`;
  return new GatewayError("PAYLOAD_TOO_LARGE", `The body is larger than ${limit}`);
}
