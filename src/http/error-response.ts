// Turns a GatewayError into an HTTP answer: the status, the body and the headers of its code. neon-error-response.ts does the same in
// the form of Neon's SQL over HTTP.

import { GatewayError } from "../base/errors.ts";
import type { PostgateErrorResponse } from "../base/api-types.ts";

export interface ErrorResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const DEFAULT_RETRY_AFTER_SECONDS = 1;

/** Returns a GatewayError as it is. Any other error is a fault of the gateway and becomes the cause of an INTERNAL_ERROR. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError && error.code !== "INTERNAL_ERROR") return error;
  return new GatewayError("INTERNAL_ERROR", "Internal error", { cause: error });
}

export function toErrorResponse(error: GatewayError, requestId: string): ErrorResponse {
  const body: PostgateErrorResponse = { error: error.message, code: error.code, ...error.details };
  return {
    status: error.status,
    headers: headersOf(error, requestId),
    body: JSON.stringify(body),
  };
}

/** Returns the headers of the answer to a failure, whatever the form of its body. */
export function headersOf(error: GatewayError, requestId: string): Record<string, string> {
  return {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "x-request-id": requestId,
    ...extraHeadersOf(error),
  };
}

function extraHeadersOf({ code, retryAfterSeconds }: GatewayError): Record<string, string> {
  if (code === "UNAUTHORIZED") return { "www-authenticate": "Bearer" };
  if (code === "UNAVAILABLE" || code === "TOO_MANY_REQUESTS" || retryAfterSeconds !== undefined)
    return { "retry-after": String(retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS) };
  return {};
}
