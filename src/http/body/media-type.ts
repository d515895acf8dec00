import type { IncomingHttpHeaders } from "node:http";
import { GatewayError } from "../../base/errors.ts";

const JSON_TYPE = /^(?:application\/json|[\w!#$&^.+-]+\/[\w!#$&^.+-]+\+json)[ \t]*(?:;|$)/i;
const CHARSET = /;[ \t]*charset[ \t]*=[ \t]*"?([^";, \t]*)/i;
const UTF_8 = /^utf-?8$/i;

/**
 * Accepts only uncompressed JSON in UTF-8. A few compressed bytes could expand to more than any limit.
 *
 * @throws GatewayError UNSUPPORTED_MEDIA_TYPE when the body has another type or charset, or is compressed.
 */
export function requireJson(headers: IncomingHttpHeaders): void {
  const type = headers["content-type"] ?? "";
  if (!JSON_TYPE.test(type)) throw unsupported("Content-Type must be application/json");
  const charset = CHARSET.exec(type)?.[1];
  if (charset !== undefined && !UTF_8.test(charset)) throw unsupported("The charset of the body must be utf-8");
  requireUncompressed(headers);
}

/** @throws GatewayError UNSUPPORTED_MEDIA_TYPE when the body is compressed. */
export function requireUncompressed(headers: IncomingHttpHeaders): void {
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() !== "identity") throw unsupported("The body must not be compressed (Content-Encoding)");
}

function unsupported(message: string): GatewayError {
  return new GatewayError("UNSUPPORTED_MEDIA_TYPE", message);
}
