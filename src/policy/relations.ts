// Every relation that a statement names, wherever it names one: what it is called, whether reading it needs SELECT, and
// whether it is a table at all or a CTE.

import type { RangeVar } from "@pgsql/types";

import type { VisitedNode } from "../sql/walk.ts";
import type { Judgement } from "./judgement.ts";
import { requireMetadataTable, requireOwnName, requireUnqualified } from "./names.ts";
import { judgeNewTypeName } from "./type-names.ts";

/** Where a relation is read, and not written or defined. */
const READING_FIELDS: ReadonlySet<string> = new Set([
  ...["SelectStmt.fromClause", "JoinExpr.larg", "JoinExpr.rarg", "UpdateStmt.fromClause", "DeleteStmt.usingClause"],
  ...["MergeStmt.sourceRelation", "RangeTableSample.relation"],
]);

export function judgeRelation(node: RangeVar, visited: VisitedNode, judgement: Judgement): void {
  const context = { visited, judgement };
  const name = requireUnqualified(partsOf(node), "table", context);
  requireOwnName(name, context);
  const place = `${visited.parent?.type ?? ""}.${visited.field ?? ""}`;
  if (place === "LockingClause.lockedRels") return; // An alias of the same query.
  if (place === "CompositeTypeStmt.typevar") {
    judgeNewTypeName(name, visited, judgement);
    return;
  }
  const isRead = READING_FIELDS.has(place);
  if (isRead) judgement.permissions.add("SELECT");
  if (isRead && isCommonTable(name, visited)) return;
  if (judgement.rules.kind === "admin") requireMetadataTable(name, context);
  judgement.tables.add(name);
}

function partsOf({ catalogname, schemaname, relname }: RangeVar): string[] {
  return [catalogname, schemaname, relname].filter((part) => part !== undefined);
}

/** Whether a CTE of this name is in sight: those of each query around it, but inside one of them only the earlier ones. */
function isCommonTable(name: string, visited: VisitedNode): boolean {
  let inside: VisitedNode | undefined;
  for (let at: VisitedNode | undefined = visited; at !== undefined; at = at.parent) {
    if (at.type === "CommonTableExpr") inside = at;
    if (visibleCommonTables(at, inside).includes(name)) return true;
    if (hasWithClause(at)) inside = undefined;
  }
  return false;
}

function hasWithClause({ node }: VisitedNode): boolean {
  return "withClause" in node;
}

function visibleCommonTables({ node }: VisitedNode, inside: VisitedNode | undefined): readonly string[] {
  if (!("withClause" in node)) return [];
  const { ctes = [], recursive } = node.withClause;
  const names: string[] = [];
  for (const cte of ctes) {
    if (!("CommonTableExpr" in cte)) continue;
    if (cte.CommonTableExpr === inside?.node && recursive !== true) break;
    names.push(cte.CommonTableExpr.ctename ?? "");
  }
  return names;
}
