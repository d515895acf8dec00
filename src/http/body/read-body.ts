// The bytes of a body: read within the limit, or read away when the request is refused.

import type { IncomingMessage } from "node:http";
import { GatewayError } from "../../base/errors.ts";
import { type HeldBody, UNCOUNTED_BODY_BYTES } from "../limits/body-budget.ts";
import { toGatewayError } from "../error-response.ts";

/** How much of a refused body is read away, and for how long, before the connection is cut. */
const MAX_DISCARDED_BYTES = 67_108_864;
const MAX_DISCARDING_MS = 5_000;

const NO_BYTES = Buffer.alloc(0);

/** Pieces in one buffer: a chunk of one byte, kept as it came, would take more than a hundred. A single one stays as it is. */
class GatheredBytes {
  readonly #expectedBytes: number;
  #buffer: Buffer = NO_BYTES;
  #length = 0;

  /** @param expectedBytes that the request names, so that the buffer need not grow; 0 where it does not tell. */
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
 * @throws GatewayError PAYLOAD_TOO_LARGE as soon as the body is known to be over the limit; the rest stays unread.
 * @throws GatewayError as `held.reserve` does: before anything is read where the length is known, otherwise as soon as the body
 * turns out not to be small.
 * @throws Error when the client goes away before the end.
 */
export function readBody(request: IncomingMessage, limitBytes: number, held: HeldBody): Promise<Buffer> {
  // The client went while its token was looked up: nothing of what is listened for would come any more.
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
      held.reserve(limitBytes); // How long it will be, nobody knows.
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
    // "error" is also what tells that the client is gone: "aborted".
    const onError = (error: Error): void => {
      stop();
      reject(error);
    };
    // Node tells the request nothing of it once it is answered, as it is when its end is no valid HTTP.
    const onClose = (): void => onError(closedInBody());
    const stop = (): void => void socket.off("close", onClose);
    socket.on("close", onClose);
    request.on("data", onData).on("end", onEnd).on("error", onError);
  });
}

/**
 * Reads away what is still to come of a refused body. A client that is busy sending would otherwise find the
 * connection broken, and never see the answer.
 *
 * Bounded in bytes and time: false when something may still come, so that the connection cannot be used again.
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
