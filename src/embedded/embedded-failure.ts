import { GatewayError } from "../base/errors.ts";

/**
 * Returns the error for an embedded PostgreSQL that cannot be used. The message is one line for the operator: it says what is wrong,
 * names the folder or program, and says what to do.
 */
export function embeddedFailure(message: string, cause?: unknown): GatewayError {
  return new GatewayError("UNAVAILABLE", message, { cause });
}
