// PostgreSQL's errors → GatewayError, by SQLSTATE, in one place. What the caller may read is decided here: never the name of
// anything that is not the tenant's, never a path or an address.

import type pg from "pg";
import { type ErrorDetails, GatewayError } from "../base/errors.ts";
import { refusedParameter } from "./parameters/refused-parameter.ts";

export const QUERY_CANCELED = "57014";
const RETRY_AFTER_SECONDS = 1;

/** Classes whose detail and hint speak of the statement and of the values in it, which are the caller's own. */
const CLASSES_WITH_DETAIL: ReadonlySet<string> = new Set(["0A", "21", "22", "23", "42", "44"]);
const CLASSES_WITH_HINT: ReadonlySet<string> = new Set([...CLASSES_WITH_DETAIL, "2B"]);

/** Messages of these may name what is outside the tenant's schema (schemas, roles, files): a text of ours goes instead. */
const MESSAGE_BY_SQLSTATE: Readonly<Record<string, string>> = {
  "3F000": "No such schema",
  "53100": "The database server is out of disk space",
  // Any tenant can cause this one: with a value of more than 1 GB, with the number of an object that does not exist.
  XX000: "PostgreSQL cannot run this statement: it met a limit or a state that it did not expect",
};
const MESSAGE_BY_CLASS: Readonly<Record<string, string>> = {
  "08": "The connection to the database failed",
  "58": "The database server reported a system error",
  F0: "The database server reported a configuration error",
  XX: "The database server reported an internal error",
};
const INSUFFICIENT_PRIVILEGE = "42501";
/** Names that Postgate gives to roles and schemas. */
const NAMES_OF_OURS = /\b(?:postgate_|tenant_[0-9a-f]{32}|db_[0-9a-f]{8}_)/;

/**
 * The statement was refused or failed in PostgreSQL.
 *
 * @param isOfBind true when the error came between Parse and BindComplete, where PostgreSQL reads the parameters.
 */
export function translateDatabaseError(error: pg.DatabaseError, isOfBind = false): GatewayError {
  const details = publicDetails(error, isOfBind ? refusedParameter(error.where) : undefined);
  return new GatewayError("DATABASE_ERROR", publicMessage(error), { details, cause: error });
}

/** The statement was not run and may be sent again. */
export function unavailable(message: string, cause?: unknown): GatewayError {
  return new GatewayError("UNAVAILABLE", message, { retryAfterSeconds: RETRY_AFTER_SECONDS, cause });
}

/** No connection could be made. Where a guard refused the server, it has said what the caller may know. */
export function unreachable(cause: unknown): GatewayError {
  return cause instanceof GatewayError ? cause : unavailable("The database cannot be reached", cause);
}

/** The tenant has more to do than it may; others are served. Nothing was run. */
export function tooManyRequests(message: string): GatewayError {
  return new GatewayError("TOO_MANY_REQUESTS", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}

/** The connection went after the statement was sent: nobody but PostgreSQL knows what became of it. */
export function outcomeUnknown(cause?: unknown): GatewayError {
  return new GatewayError("DATABASE_ERROR", "The connection to the database was lost; the outcome is unknown", {
    details: { sqlstate: "08007" },
    cause,
  });
}

/** The judge let a batch through that must not run. Its transaction was cut off before the commit; the log says why. */
export function batchCutOff(cause: unknown): GatewayError {
  return new GatewayError("INTERNAL_ERROR", "The batch was cut off", { cause });
}

export function queryTimeout(cause?: unknown): GatewayError {
  return new GatewayError("TIMEOUT", "Query timeout", { cause });
}

function publicMessage({ code = "", message }: pg.DatabaseError): string {
  const replacement = MESSAGE_BY_SQLSTATE[code] ?? MESSAGE_BY_CLASS[code.slice(0, 2)];
  if (replacement !== undefined) return replacement;
  if (NAMES_OF_OURS.test(message))
    return code === INSUFFICIENT_PRIVILEGE ? "Permission denied" : "The statement failed";
  return message;
}

function publicDetails(error: pg.DatabaseError, parameter: number | undefined): ErrorDetails {
  const { code = "", detail, hint, position, constraint, table, column } = error;
  const sqlClass = code === INSUFFICIENT_PRIVILEGE ? "" : code.slice(0, 2);
  return withoutUndefined({
    sqlstate: code,
    detail: CLASSES_WITH_DETAIL.has(sqlClass) ? ifTheirs(detail) : undefined,
    hint: CLASSES_WITH_HINT.has(sqlClass) ? ifTheirs(hint) : undefined,
    position: position === undefined ? undefined : Number(position),
    constraint,
    table,
    column,
    parameter,
  });
}

function ifTheirs(text: string | undefined): string | undefined {
  return text === undefined || NAMES_OF_OURS.test(text) ? undefined : text;
}

function withoutUndefined(details: { [Key in keyof ErrorDetails]: ErrorDetails[Key] | undefined }): ErrorDetails {
  return Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined));
}
