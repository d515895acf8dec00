// POSTGATE_LOG_SQL: logs which statements were sent. It is off by default, because a statement may hold text that its tenant wants
// nobody else to read. Parameters are never logged.

import { createHash } from "node:crypto";
import type { Observe } from "./observation.ts";
import { redactSecrets } from "./redact-secrets.ts";

export type SqlLogging = "off" | "fingerprint" | "full";

const FINGERPRINT_LENGTH = 16;

interface Request {
  readonly statements: readonly { readonly sql: string }[];
}

type Run<Principal, Given extends Request, Context extends { readonly requestId: string }, Answer> = (
  principal: Principal,
  request: Given,
  context: Context,
) => Promise<Answer>;

/** Wraps `run` so that each statement's text, or its fingerprint, is logged first. */
export function withSqlLog<P, R extends Request, C extends { readonly requestId: string }, A>(
  run: Run<P, R, C, A>,
  logging: SqlLogging,
  observe: Observe,
): Run<P, R, C, A> {
  if (logging === "off") return run;
  const show = logging === "full" ? redactSecrets : fingerprintOf;
  return (principal, request, context) => {
    const { requestId } = context;
    observe({ kind: "statements", requestId, sql: request.statements.map(({ sql }) => show(sql)) });
    return run(principal, request, context);
  };
}

/** Returns a fingerprint: equal texts have the same one, and the text cannot be derived from it. */
function fingerprintOf(sql: string): string {
  return createHash("sha256").update(sql).digest("hex").slice(0, FINGERPRINT_LENGTH);
}
