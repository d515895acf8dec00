import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** Matches ids that are safe in a header, in a log line and in a shell. */
const SANE_REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** Returns the caller's `x-request-id` if it is safe to use, and a new UUID otherwise. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers["x-request-id"];
  return typeof given === "string" && SANE_REQUEST_ID.test(given) ? given : randomUUID();
}
