// Decides which of its two meanings a call ts_headline(a, b, c) has: a configuration, a document and a query, or a document, a query and
// options. An argument whose type the text itself shows decides it, because PostgreSQL never converts a query to a text or a text to a
// query on its own.

import type { FuncCall, Node } from "@pgsql/types";

import type { VisitedNode } from "../sql/walk.ts";
import { namesOf } from "./names.ts";

const QUERY_FUNCTIONS: ReadonlySet<string> = new Set([
  ...["to_tsquery", "plainto_tsquery", "phraseto_tsquery", "websearch_to_tsquery", "tsquery_phrase"],
]);
const TEXT_TYPES: ReadonlySet<string> = new Set(["text", "varchar", "json", "jsonb"]);

/** Tells whether the first argument of this call of ts_headline is certainly a document, and not a configuration. */
export function startsWithDocument({ args = [] }: FuncCall, visited: VisitedNode): boolean {
  const [first, second, third] = args;
  if (args.length !== 3) return false;
  return [first, third].some((argument) => TEXT_TYPES.has(castTypeOf(argument))) || isQuery(second, visited);
}

function isQuery(argument: Node | undefined, visited: VisitedNode): boolean {
  if (argument === undefined) return false;
  if ("FuncCall" in argument) return isQueryCall(argument);
  return castTypeOf(argument) === "tsquery" || isAliasOfQuery(argument, visited);
}

function isQueryCall(node: Node | undefined): boolean {
  if (node === undefined || !("FuncCall" in node)) return false;
  const names = namesOf(node.FuncCall.funcname);
  return names.length === 1 && QUERY_FUNCTIONS.has(names[0] ?? "");
}

/** Returns the type to which the text casts an argument, and an empty string if there is no cast, or a cast to an array. */
function castTypeOf(node: Node | undefined): string {
  if (node === undefined || !("TypeCast" in node)) return "";
  const { typeName } = node.TypeCast;
  return typeName?.arrayBounds === undefined ? (namesOf(typeName?.names).at(-1) ?? "") : "";
}

/**
 * Tells whether an argument is the alias of a query, as in SELECT ts_headline(body, query, '…') FROM notes, to_tsquery('…') AS query. A
 * table's column of the same name would be ambiguous to PostgreSQL, so the alias is meant.
 */
function isAliasOfQuery(argument: Node, visited: VisitedNode): boolean {
  if (!("ColumnRef" in argument)) return false;
  const names = namesOf(argument.ColumnRef.fields);
  let at: VisitedNode | undefined = visited;
  while (at !== undefined && at.type !== "SelectStmt") at = at.parent;
  return names.length === 1 && (at?.node.fromClause ?? []).some((item) => namesQuery(item, names[0] ?? ""));
}

function namesQuery(item: Node, alias: string): boolean {
  if (!("RangeFunction" in item)) return false;
  const { alias: given, functions = [] } = item.RangeFunction;
  const [call, ...others] = functions;
  if (given?.aliasname !== alias || given.colnames !== undefined || others.length > 0) return false;
  return call !== undefined && "List" in call && isQueryCall(call.List.items?.[0]);
}
