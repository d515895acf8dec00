import type { IncomingMessage } from "node:http";
import { parseToken, unauthorized, type Token } from "../auth/token.ts";

const BEARER_SCHEME = /^bearer +/i;

/**
 * Returns the token of `Authorization: Bearer <token>`, or of the bare `Authorization: <token>`.
 *
 * @throws GatewayError UNAUTHORIZED when the token is missing or malformed, and when there are two such headers: a proxy in front
 * may have judged the other one.
 */
export function readBearerToken(request: IncomingMessage): Token {
  const header = request.headers.authorization;
  if (header === undefined || countHeaders(request, "authorization") > 1) throw unauthorized();
  const token = parseToken(header.replace(BEARER_SCHEME, ""));
  if (token === undefined) throw unauthorized();
  return token;
}

/** Counts the headers of a name. Node keeps the first of several and silently drops the others, so only the raw list shows them. */
export function countHeaders({ rawHeaders }: IncomingMessage, lowerCaseName: string): number {
  return rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === lowerCaseName).length;
}
