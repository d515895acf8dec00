import { GatewayError } from "../../base/errors.ts";

/** A request whose body cannot be taken as it is. */
export function invalid(message: string, cause?: unknown): GatewayError {
  return new GatewayError("INVALID_REQUEST", message, { cause });
}
