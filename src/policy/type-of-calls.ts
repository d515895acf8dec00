// Where pg_typeof(…) may stand. Its result is a regtype, and PostgreSQL turns a number beside it (in CASE, COALESCE,
// UNION, an array, a column made from it) into one too: that would print the name of every tenant's table by its number.
// So it may only be shown as it is, sorted by, tested for NULL, or cast. `t.pg_typeof` is the same call, of a table's row.

import type { VisitedNode } from "../sql/walk.ts";
import type { Judgement } from "./judgement.ts";

const HARMLESS_PLACES: ReadonlySet<string> = new Set([
  ...["TypeCast.arg", "NullTest.arg", "SelectStmt.groupClause", "SelectStmt.sortClause"],
]);

/** A function of this name gives the type of what it is called with. */
export const TYPE_OF = "pg_typeof";

export function judgeTypeOfCall(visited: VisitedNode, judgement: Judgement): void {
  if (HARMLESS_PLACES.has(placeOf(visited)) || isShown(visited)) return;
  throw judgement.refuse(visited, "FUNCTION_NOT_ALLOWED", {
    message: "Function is not allowed here: 'pg_typeof'",
    hint: "Write pg_typeof(…)::text.",
  });
}

/** Of what a query is sorted by, the query: what an aggregate sorts can be its result (`mode() WITHIN GROUP (ORDER BY …)`). */
function placeOf({ parent, field }: VisitedNode): string {
  if (parent?.type === "SortBy") return placeOf(parent);
  return `${parent?.type ?? ""}.${field ?? ""}`;
}

/** A column of the answer itself, or of the query that EXPLAIN plans: of the outermost SELECT, which is no UNION and makes no table. */
function isShown({ parent }: VisitedNode): boolean {
  const select = parent?.parent;
  if (parent?.type !== "ResTarget" || select?.type !== "SelectStmt" || parent.field !== "targetList") return false;
  const isOutermost = select.parent === undefined || select.parent.type === "ExplainStmt";
  return isOutermost && select.node.op === "SETOP_NONE" && !("intoClause" in select.node);
}
