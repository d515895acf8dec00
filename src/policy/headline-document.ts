// ts_headline(a, b, c) has two meanings: the configuration, a document and a query; or a document, a query and options. In the
// second there is no configuration. It is told from the first by an argument whose type the text itself shows, because a query
// and a text are never converted into one another by themselves.

import type { FuncCall, Node } from "@pgsql/types";

import type { VisitedNode } from "../sql/walk.ts";
import { namesOf } from "./names.ts";

const QUERY_FUNCTIONS: ReadonlySet<string> = new Set([
  ...["to_tsquery", "plainto_tsquery", "phraseto_tsquery", "websearch_to_tsquery", "tsquery_phrase"],
]);
const TEXT_TYPES: ReadonlySet<string> = new Set(["text", "varchar", "json", "jsonb"]);

/** Whether this call of ts_headline certainly has a document, and no configuration, as its first argument. */
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

/** The type to which the text casts an argument; none where there is no cast, or one to an array. */
function castTypeOf(node: Node | undefined): string {
  if (node === undefined || !("TypeCast" in node)) return "";
  const { typeName } = node.TypeCast;
  return typeName?.arrayBounds === undefined ? (namesOf(typeName?.names).at(-1) ?? "") : "";
}

/** `query` in SELECT ts_headline(body, query, '…') FROM notes, to_tsquery('…') AS query: a table's column of that name would be ambiguous. */
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
