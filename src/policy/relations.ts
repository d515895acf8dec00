// Judges every relation that a statement names, in any place: whether the name is allowed, whether the statement reads the relation and
// so needs SELECT, and whether it is a table or a CTE.

import type { RangeVar, WithClause } from "@pgsql/types";

import type { VisitedNode } from "../sql/walk.ts";
import type { Judgement } from "./judgement.ts";
import { requireMetadataTable, requireOwnName, requireUnqualified } from "./names.ts";
import { judgeNewTypeName } from "./type-names.ts";

/** The fields in which a relation is read, and not written or defined. */
const READING_FIELDS: ReadonlySet<string> = new Set([
  ...["SelectStmt.fromClause", "JoinExpr.larg", "JoinExpr.rarg", "UpdateStmt.fromClause", "DeleteStmt.usingClause"],
  ...["MergeStmt.sourceRelation", "RangeTableSample.relation"],
]);

export function judgeRelation(node: RangeVar, visited: VisitedNode, judgement: Judgement): void {
  const context = { visited, judgement };
  const name = requireUnqualified(partsOf(node), "table", context);
  requireOwnName(name, context);
  const place = `${visited.parent?.type ?? ""}.${visited.field ?? ""}`;
  if (place === "LockingClause.lockedRels") return; // This names an item of the same query's FROM, which is judged there.
  if (place === "CompositeTypeStmt.typevar") {
    judgeNewTypeName(name, visited, judgement);
    return;
  }
  const isRead = READING_FIELDS.has(place);
  if (isRead) judgement.permissions.add("SELECT");
  if (isRead && isCommonTable(name, visited, judgement)) return;
  if (judgement.rules.kind === "admin") requireMetadataTable(name, context);
  judgement.tables.add(name);
}

function partsOf({ catalogname, schemaname, relname }: RangeVar): string[] {
  return [catalogname, schemaname, relname].filter((part) => part !== undefined);
}

/**
 * Tells whether a CTE of this name is visible. The CTEs of each surrounding query are visible; inside one of these CTEs, only the earlier
 * ones are, unless WITH is RECURSIVE.
 */
function isCommonTable(name: string, visited: VisitedNode, judgement: Judgement): boolean {
  const { ancestors } = judgement;
  let inside: VisitedNode | undefined;
  for (let at = ancestors.nearest(visited, isScope); at !== undefined; at = ancestors.nearest(at.parent, isScope)) {
    if (at.type === "CommonTableExpr") inside = at;
    if (!("withClause" in at.node)) continue;
    if (declares(at.node.withClause, { name, inside, judgement })) return true;
    inside = undefined;
  }
  return false;
}

/** Tells whether a node has CTEs or is one. */
function isScope({ type, node }: VisitedNode): boolean {
  return type === "CommonTableExpr" || "withClause" in node;
}

interface Declared {
  readonly name: string;
  readonly inside: VisitedNode | undefined;
  readonly judgement: Judgement;
}

function declares(clause: WithClause, { name, inside, judgement }: Declared): boolean {
  const places = placesOf(clause, judgement);
  const place = places.get(name);
  if (place === undefined) return false;
  const own = inside?.type === "CommonTableExpr" ? places.get(inside.node.ctename ?? "") : undefined;
  return own === undefined || clause.recursive === true || place < own;
}

/** Maps the names of CTEs to their places in the list. PostgreSQL refuses a list that has a name twice. */
function placesOf(clause: WithClause, { commonTables }: Judgement): ReadonlyMap<string, number> {
  const known = commonTables.get(clause);
  if (known !== undefined) return known;
  const places = new Map<string, number>();
  for (const [place, cte] of (clause.ctes ?? []).entries())
    if ("CommonTableExpr" in cte) places.set(cte.CommonTableExpr.ctename ?? "", place);
  commonTables.set(clause, places);
  return places;
}
