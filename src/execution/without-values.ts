// What a token without SELECT is told of an error that a statement had while it ran. PostgreSQL's texts may quote what is stored
// (`invalid input syntax for type integer: "…"`, `Failing row contains (…)`), so that a text of ours goes instead. The SQLSTATE
// and the names of constraint, table and column stay: programs decide by them.

import { type ErrorDetails, GatewayError } from "../base/errors.ts";
import type { ApprovedStatement } from "../policy/approved-statement.ts";
import { changesSchema } from "./schema-change.ts";

/** Errors of values: data exceptions, constraints, WITH CHECK OPTION, and what functions of extensions raise. */
const CLASSES_OF_VALUES: ReadonlySet<string> = new Set(["22", "23", "38", "39", "44"]);
/** Once a statement that changes no schema runs, these are about values, too; until then they are about its text. */
const CLASSES_OF_TEXT: ReadonlySet<string> = new Set(["0A", "42"]);
/** The text of a statement was read before it ran: a syntax error is one of a tsquery, tsvector or jsonpath. */
const SYNTAX_ERROR = "42601";
const INSUFFICIENT_PRIVILEGE = "42501";

const TEXT_BY_SQLSTATE: Readonly<Record<string, string>> = {
  "22012": "Division by zero",
  "23502": "A column that takes no NULL would get one",
  "23503": "A foreign key constraint would be violated",
  "23505": "A unique constraint would be violated",
  "23514": "A check constraint would be violated",
  "23P01": "An exclusion constraint would be violated",
};
const TEXT = "A value is not one that the statement can use";

const HINT = "The token lacks SELECT, and PostgreSQL's own text may quote stored values.";

const KEPT = ["sqlstate", "constraint", "table", "column", "parameter"] as const;

/** @param statement undefined for an error of the commit. */
export function withoutValues(error: GatewayError, statement: ApprovedStatement | undefined): GatewayError {
  const { sqlstate = "" } = error.details;
  if (!mayQuote(sqlstate, statement !== undefined && changesSchema(statement))) return error;
  const kept = Object.entries(error.details).filter(([key]) => (KEPT as readonly string[]).includes(key));
  const details: ErrorDetails = { ...Object.fromEntries(kept), hint: HINT };
  return new GatewayError(error.code, TEXT_BY_SQLSTATE[sqlstate] ?? TEXT, { details, cause: error });
}

function mayQuote(sqlstate: string, isDefinition: boolean): boolean {
  const sqlClass = sqlstate.slice(0, 2);
  if (CLASSES_OF_VALUES.has(sqlClass) || sqlstate === SYNTAX_ERROR) return true;
  return !isDefinition && CLASSES_OF_TEXT.has(sqlClass) && sqlstate !== INSUFFICIENT_PRIVILEGE;
}
