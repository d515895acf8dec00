// Turns a GatewayError into an error answer of Neon's SQL over HTTP. Neon's drivers read PostgreSQL's fields only from answers with
// status 400, so all codes but three have that status.

import type { ErrorCode, ErrorDetails, GatewayError, RefusalReason } from "../base/errors.ts";
import { type ErrorResponse, headersOf } from "./error-response.ts";

const STATUS: Partial<Record<ErrorCode, number>> = {
  PAYLOAD_TOO_LARGE: 413,
  RESULT_TOO_LARGE: 507,
  INTERNAL_ERROR: 500,
};
const STATUS_OF_OTHERS = 400;

/** The SQLSTATE that PostgreSQL itself would report, or the one that comes nearest. */
const SQLSTATES: Readonly<Record<Exclude<ErrorCode, "PARSE_ERROR">, string>> = {
  ROW_LIMIT_EXCEEDED: "54000",
  RESULT_TOO_LARGE: "54000",
  INVALID_REQUEST: "08P01",
  UNAUTHORIZED: "28P01",
  NOT_FOUND: "08P01",
  DATABASE_NOT_FOUND: "3D000",
  METHOD_NOT_ALLOWED: "08P01",
  PAYLOAD_TOO_LARGE: "54000",
  UNSUPPORTED_MEDIA_TYPE: "08P01",
  TOO_MANY_REQUESTS: "53400",
  DATABASE_ERROR: "XX000",
  INTERNAL_ERROR: "XX000",
  UNAVAILABLE: "57P03",
  TIMEOUT: "57014",
};
const SQLSTATES_OF_REFUSALS: Readonly<Record<RefusalReason, string>> = {
  SYNTAX_ERROR: "42601",
  EMPTY_QUERY: "42601",
  MULTIPLE_STATEMENTS: "42601",
  OPERATION_NOT_ALLOWED: "42501",
  STATEMENT_NOT_SUPPORTED: "0A000",
  QUALIFIED_NAME: "42501",
  SYSTEM_OBJECT: "42501",
  FUNCTION_NOT_ALLOWED: "42501",
  TOO_COMPLEX: "54001",
};
/** PostgreSQL ends the session with the errors that match these codes, and calls them FATAL. */
const FATAL: ReadonlySet<ErrorCode> = new Set(["UNAUTHORIZED", "DATABASE_NOT_FOUND", "UNAVAILABLE"]);

export function toNeonErrorResponse(error: GatewayError, requestId: string): ErrorResponse {
  const { code, details } = error;
  const body = {
    message: messageOf(error),
    code: sqlstateOf(error),
    detail: details.detail ?? null,
    hint: details.hint ?? null,
    position: details.position === undefined ? null : String(details.position),
    internalPosition: null,
    internalQuery: null,
    severity: FATAL.has(code) ? "FATAL" : "ERROR",
    where: contextOf(details),
    table: details.table ?? null,
    column: details.column ?? null,
    schema: null,
    dataType: null,
    constraint: details.constraint ?? null,
    file: null,
    line: null,
    routine: null,
    // This key is Postgate's own. Neon's server does not have it, and Neon's drivers ignore it.
    queryIndex: details.statement ?? null,
  };
  const headers = { ...headersOf(error, requestId), "neon-request-id": requestId };
  return { status: STATUS[code] ?? STATUS_OF_OTHERS, headers, body: JSON.stringify(body) };
}

/** PostgreSQL's own words for a parameter that it refused. What else stands in a context is not told. */
function contextOf({ parameter }: ErrorDetails): string | null {
  return parameter === undefined ? null : `unnamed portal parameter $${parameter}`;
}

function messageOf({ code, message }: GatewayError): string {
  return code === "UNAUTHORIZED" ? `password authentication failed: ${message}` : message;
}

function sqlstateOf({ code, details }: GatewayError): string {
  if (details.sqlstate !== undefined) return details.sqlstate;
  return code === "PARSE_ERROR" ? SQLSTATES_OF_REFUSALS[details.reason ?? "SYNTAX_ERROR"] : SQLSTATES[code];
}
