// CORS on POST /query: it tells browsers the origins whose pages may read answers. Only the token decides whether a request runs, and
// a browser does not add a token by itself as it adds cookies.

import type { IncomingMessage } from "node:http";

/** The entry in the list of allowed origins that allows every page. */
const ANY_ORIGIN = "*";

const PREFLIGHT_HEADERS = {
  "access-control-allow-methods": "POST",
  "access-control-allow-headers": "authorization, content-type, x-request-id",
  "access-control-max-age": "7200", // Two hours: Chromium caches a preflight no longer.
};
const ANSWER_HEADERS = { "access-control-expose-headers": "x-request-id, retry-after" };

/** Returns the CORS headers of the answer to this request, whether it is a preflight, a result or a failure. */
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
