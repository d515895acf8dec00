// Decides which functions a statement may call, in each notation: f(x), (x).f, and x.f where x is a function in FROM. The allow-list
// holds PostgreSQL's own functions. A name that is on no list is refused.

import type { FuncCall } from "@pgsql/types";

import type { VisitedNode } from "../sql/walk.ts";
import { ADMIN_FUNCTIONS, isAdminColumn } from "./admin-database.ts";
import { judgeCallSize } from "./argument-sizes.ts";
import { hintForFunction } from "./tables/function-hints.ts";
import { ALLOWED_FUNCTION_NAMES, REFUSED_ATTRIBUTE_NAMES, REFUSED_FUNCTION_NAMES } from "./tables/function-names.ts";
import type { Judgement } from "./judgement.ts";
import { judgeNameArgument, SEQUENCE_FUNCTIONS } from "./name-literals.ts";
import { isCatalogSpelledOut, namesOf } from "./names.ts";
import { judgeTypeOfCall, TYPE_OF } from "./type-of-calls.ts";
import { ALLOWED_BUILTIN_TYPES, isRefusedTypeAsColumn } from "./type-names.ts";

const REFUSED_FUNCTIONS: ReadonlySet<string> = new Set(Object.values(REFUSED_FUNCTION_NAMES).flat());

/** The names of types are included, because `uuid('…')` is another way to write a cast. */
const ALLOWED_FUNCTIONS: ReadonlySet<string> = new Set([
  ...ALLOWED_FUNCTION_NAMES,
  ...[...ALLOWED_BUILTIN_TYPES].filter((name) => !REFUSED_FUNCTIONS.has(name)),
]);

const REFUSED_ATTRIBUTES: ReadonlySet<string> = new Set([
  ...REFUSED_ATTRIBUTE_NAMES,
  ...SEQUENCE_FUNCTIONS, // Their argument must be a literal, and only f(x) is checked for that.
  ...ADMIN_FUNCTIONS.keys(),
  TYPE_OF,
]);

/** Functions that the grammar itself calls as `pg_catalog.…` for SQL syntax: EXTRACT(…), TRIM(…), … AT TIME ZONE … */
const SYNTAX_FUNCTIONS: ReadonlySet<string> = new Set([
  ...["btrim", "extract", "is_normalized", "like_escape", "ltrim", "normalize", "overlaps", "overlay", "position"],
  ...["rtrim", "similar_to_escape", "substring", "timezone"],
]);

const HELPER_SCHEMA = "postgate_helpers";
const HELPER_FUNCTIONS: ReadonlySet<string> = new Set(["list_tables", "describe_table"]);

export function judgeFunctionCall(call: FuncCall, visited: VisitedNode, judgement: Judgement): void {
  const parts = namesOf(call.funcname);
  const [name = "", inner = ""] = parts;
  if (parts.length === 1) judgePlainCall(name, { call, visited, judgement });
  else if (parts.length === 2 && name === HELPER_SCHEMA && HELPER_FUNCTIONS.has(inner)) {
    judgement.permissions.add("SELECT");
    judgement.callsHelpers = true;
  } else if (!isSyntaxCall(call, parts, judgement)) throw refuseQualified(parts, { call, visited, judgement });
  judgeCallSize(call, { visited, judgement });
}

function isSyntaxCall(call: FuncCall, parts: readonly string[], judgement: Judgement): boolean {
  const [schema, name = "", ...rest] = parts;
  if (schema !== "pg_catalog" || rest.length > 0 || !SYNTAX_FUNCTIONS.has(name)) return false;
  return !isCatalogSpelledOut(call.location, judgement);
}

interface CallContext {
  readonly call: FuncCall;
  readonly visited: VisitedNode;
  readonly judgement: Judgement;
}

function judgePlainCall(name: string, { call, visited, judgement }: CallContext): void {
  const admin = judgement.rules.kind === "admin" ? ADMIN_FUNCTIONS.get(name) : undefined;
  if (admin !== undefined) {
    for (const permission of admin) judgement.permissions.add(permission);
    judgement.writes = true;
    return;
  }
  if (!isAllowedFunction(name, judgement)) throw refuseFunction(name, visited, judgement);
  if (SEQUENCE_FUNCTIONS.has(name)) judgeSequenceCall(name, visited, judgement);
  if (name === TYPE_OF) judgeTypeOfCall(visited, judgement);
  judgeNameArgument(call, visited, judgement);
}

function isAllowedFunction(name: string, { rules }: Judgement): boolean {
  if (ADMIN_FUNCTIONS.has(name)) return false;
  // No caller needs to read or move a sequence on the admin database.
  if (rules.kind === "admin" && SEQUENCE_FUNCTIONS.has(name)) return false;
  // An extension may have a function with the name of a refused one. Without a schema, that name calls PostgreSQL's own function.
  return ALLOWED_FUNCTIONS.has(name) || (rules.functions.has(name) && !REFUSED_FUNCTIONS.has(name));
}

/** Columns of every table that hold the number of a transaction. */
const TRANSACTION_COLUMNS: ReadonlySet<string> = new Set(["xmin", "xmax"]);

/**
 * Refuses `age` of a transaction's number, which would count the transactions of all users of the server. `age` of a time is allowed. The
 * judge recognizes a transaction's number by the columns `xmin` and `xmax` and by the type `xid`; PostgreSQL's lock-down stops the rest.
 */
export function judgeTransactionNumber(name: string, visited: VisitedNode, judgement: Judgement): void {
  const isNumber = visited.type === "TypeName" ? name === "xid" : TRANSACTION_COLUMNS.has(name);
  if (!isNumber || judgement.ancestors.nearest(visited, takesAge) === undefined) return;
  throw judgement.refuse(visited, "FUNCTION_NOT_ALLOWED", {
    message: "Function is not allowed here: 'age'",
    hint: "age() is for dates and times; it would count the transactions of everybody.",
  });
}

/** Tells whether a node is `age(x)` or `(x).age`. */
function takesAge({ type, node }: VisitedNode): boolean {
  if (type === "FuncCall") return namesOf(node.funcname).at(-1) === "age";
  if (type !== "A_Indirection") return false;
  return (node.indirection ?? []).some((step) => "String" in step && step.String.sval === "age");
}

function judgeSequenceCall(name: string, visited: VisitedNode, judgement: Judgement): void {
  // A default needs UPDATE too: it would set the sequence each time that somebody inserts a row.
  if (name === "setval") judgement.permissions.add("UPDATE");
  if (name === "currval") judgeLastValue(visited, judgement);
  if (isInColumnDefault(visited, judgement)) return; // The default runs when a token that may insert inserts a row.
  if (name !== "currval") judgement.writes = true;
  if (name !== "setval") judgement.needsInsertOrUpdate = true;
}

/**
 * Refuses currval in a definition. The gateway makes the session forget the values of its sequences before a request that calls
 * currval, and recognizes the call by the statement's text. The text of a statement that reads a view or inserts a default does not
 * show the call.
 */
function judgeLastValue(visited: VisitedNode, judgement: Judgement): void {
  judgement.readsSequences = true;
  const { root } = judgement;
  if (root === undefined || !root.isDefinition || runsOnce(root.visited)) return;
  throw judgement.refuse(visited, "FUNCTION_NOT_ALLOWED", {
    message: "Function is not allowed here: 'currval'",
    hint: "currval shows only what its own transaction has drawn. A default can call nextval, and INSERT … RETURNING tells its value.",
  });
}

/** Tells whether a definition runs its query once: SELECT INTO and CREATE TABLE AS do not store it, and EXPLAIN stores nothing. */
function runsOnce(root: VisitedNode): boolean {
  if (root.type === "ExplainStmt" || root.type === "SelectStmt") return true;
  return root.type === "CreateTableAsStmt" && root.node.objtype === "OBJECT_TABLE";
}

function isInColumnDefault(visited: VisitedNode, { ancestors }: Judgement): boolean {
  const place = ancestors.nearest(visited, mayBeDefault);
  if (place?.type === "Constraint") return place.node.contype === "CONSTR_DEFAULT";
  if (place?.type === "AlterTableCmd") return place.node.subtype === "AT_ColumnDefault";
  return place?.type === "AlterDomainStmt" && place.node.subtype === "T";
}

function mayBeDefault({ type }: VisitedNode): boolean {
  return type === "Constraint" || type === "AlterTableCmd" || type === "AlterDomainStmt";
}

/** Judges the name in `(value).name`, which calls the function of that name if the value has no such field. */
export function judgeAttribute(name: string, visited: VisitedNode, judgement: Judgement): void {
  const { kind, refusedAttributes, refusedTypes } = judgement.rules;
  const isRefused =
    REFUSED_ATTRIBUTES.has(name) ||
    refusedAttributes.has(name) ||
    refusedTypes.has(name) ||
    isRefusedTypeAsColumn(name);
  if (isRefused || (kind === "admin" && !isAdminColumn(name))) throw refuseFunction(name, visited, judgement);
}

export function refuseFunction(name: string, visited: VisitedNode, judgement: Judgement) {
  return judgement.refuse(visited, "FUNCTION_NOT_ALLOWED", {
    message: `Function is not allowed: '${name}'`,
    hint: hintForFunction(name),
  });
}

function refuseQualified(parts: readonly string[], { call, visited, judgement }: CallContext) {
  const name = parts.at(-1) ?? "";
  // The caller wrote SYSTEM_USER or COLLATION FOR (…), without a schema.
  if (call.funcformat === "COERCE_SQL_SYNTAX") return refuseFunction(name, visited, judgement);
  return judgement.refuse(visited, "QUALIFIED_NAME", {
    message: `Qualified function names are not allowed: '${parts.join(".")}'`,
    hint: `Write it without the schema: ${name}(…)`,
  });
}
