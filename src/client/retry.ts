// Decides whether and when a request is sent again. Only a request that cannot have run is.

import { PostgateError } from "./postgate-error.ts";

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
/** If the gateway asks for a longer wait than this, the caller should decide, so there is no retry. */
const MAX_RETRY_AFTER_S = 10;

const NOT_RUN: ReadonlySet<string> = new Set(["UNAVAILABLE", "TOO_MANY_REQUESTS"]);
/** The codes of Node's fetch for a connection that was never opened. Browsers do not report the cause. */
const NOT_CONNECTED: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/**
 * Returns how many milliseconds to wait before the next attempt, or undefined if there must be none. The delay has full jitter
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/): it is random, below a bound that starts at 100 ms
 * and doubles with each retry up to 5 s. `Retry-After` is added to it.
 *
 * @param attempt the number of retries so far
 */
export function delayBeforeRetry(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof PostgateError) || !cannotHaveRun(error)) return undefined;
  const { retryAfterSeconds = 0 } = error;
  if (retryAfterSeconds > MAX_RETRY_AFTER_S) return undefined;
  return retryAfterSeconds * 1_000 + Math.random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
}

function cannotHaveRun({ code, cause }: PostgateError): boolean {
  if (code !== "NETWORK_ERROR") return NOT_RUN.has(code);
  // fetch throws a TypeError whose cause has the code.
  return cause instanceof Error && NOT_CONNECTED.has((cause.cause as { readonly code?: unknown } | undefined)?.code);
}
