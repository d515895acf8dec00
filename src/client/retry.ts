// What may be sent again, and when: only what cannot have run.

import { PostgateError } from "./postgate-error.ts";

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
/** A gateway that asks for more patience than this has a caller who should decide. */
const MAX_RETRY_AFTER_S = 10;

const NOT_RUN: ReadonlySet<string> = new Set(["UNAVAILABLE", "TOO_MANY_REQUESTS"]);
/** What Node's fetch says of a connection that never was. Browsers do not tell. */
const NOT_CONNECTED: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/**
 * How long to wait before the next attempt, in milliseconds; undefined where there must be none. Full jitter: somewhere below
 * twice the delay before (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), on top of `Retry-After`.
 *
 * @param attempt how many retries there have been.
 */
export function delayBeforeRetry(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof PostgateError) || !cannotHaveRun(error)) return undefined;
  const { retryAfterSeconds = 0 } = error;
  if (retryAfterSeconds > MAX_RETRY_AFTER_S) return undefined;
  return retryAfterSeconds * 1_000 + Math.random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
}

function cannotHaveRun({ code, cause }: PostgateError): boolean {
  if (code !== "NETWORK_ERROR") return NOT_RUN.has(code);
  // fetch's own error is a TypeError, and what lies beneath has the code.
  return cause instanceof Error && NOT_CONNECTED.has((cause.cause as { readonly code?: unknown } | undefined)?.code);
}
