// CORS on POST /query: the pages of which origins may read its answers. Whether a request runs is its token's matter alone, and no
// browser adds a token by itself, as it does with cookies.

import type { IncomingMessage } from "node:http";

/** In the list of allowed origins: every page may. */
const ANY_ORIGIN = "*";

const PREFLIGHT_HEADERS = {
  "access-control-allow-methods": "POST",
  "access-control-allow-headers": "authorization, content-type, x-request-id",
  "access-control-max-age": "7200", // Chromium keeps none for longer.
};
const ANSWER_HEADERS = { "access-control-expose-headers": "x-request-id, retry-after" };

/** Of the answer to this request, be it a preflight, a result or a failure. */
export function corsHeaders(
  allowedOrigins: readonly string[],
  { method, headers: { origin } }: IncomingMessage,
): Readonly<Record<string, string>> {
  const headers = method === "OPTIONS" ? PREFLIGHT_HEADERS : ANSWER_HEADERS;
  if (allowedOrigins.includes(ANY_ORIGIN)) return { "access-control-allow-origin": ANY_ORIGIN, ...headers };
  const vary = { vary: "Origin" };
  if (origin === undefined || !allowedOrigins.includes(origin)) return vary;
  return { "access-control-allow-origin": origin, ...headers, ...vary };
}
