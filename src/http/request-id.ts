import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** Safe in a header, in a log line and in a shell. */
const SANE_REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** The caller's `x-request-id` when it is a sane one, a new UUID otherwise. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers["x-request-id"];
  return typeof given === "string" && SANE_REQUEST_ID.test(given) ? given : randomUUID();
}
