import { GatewayError } from "../../base/errors.ts";

/** Returns the error for a request whose body does not have the documented form. */
export function invalid(message: string, cause?: unknown): GatewayError {
  return new GatewayError("INVALID_REQUEST", message, { cause });
}
