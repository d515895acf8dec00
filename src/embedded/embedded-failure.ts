import { GatewayError } from "../base/errors.ts";

/** Why the embedded PostgreSQL cannot be used, in one line for the operator: what is wrong, with what, what to do. */
export function embeddedFailure(message: string, cause?: unknown): GatewayError {
  return new GatewayError("UNAVAILABLE", message, { cause });
}
