// Decides in which places pg_typeof(…) is allowed. Its result is a regtype, and PostgreSQL turns a number beside it (in CASE, COALESCE,
// UNION, an array, a column made from it) into a regtype too, which would print the name of every tenant's table by its number. So a
// statement may only show the result as it is, group or sort by it, test it for NULL, or cast it. `t.pg_typeof` is the same call, for a
// table's row.

import type { VisitedNode } from "../sql/walk.ts";
import type { Judgement } from "./judgement.ts";

const HARMLESS_PLACES: ReadonlySet<string> = new Set([
  ...["TypeCast.arg", "NullTest.arg", "SelectStmt.groupClause", "SelectStmt.sortClause"],
]);

/** The name of the function that returns the type of its argument. */
export const TYPE_OF = "pg_typeof";

export function judgeTypeOfCall(visited: VisitedNode, judgement: Judgement): void {
  if (HARMLESS_PLACES.has(placeOf(visited)) || isShown(visited)) return;
  throw judgement.refuse(visited, "FUNCTION_NOT_ALLOWED", {
    message: "Function is not allowed here: 'pg_typeof'",
    hint: "Write pg_typeof(…)::text.",
  });
}

/**
 * Returns the parent's type and field in which a node is. For a sort key, it is the place of the whole sort clause: a query may sort by
 * pg_typeof, but an aggregate may not, because its sort key can be its result (`mode() WITHIN GROUP (ORDER BY …)`).
 */
function placeOf({ parent, field }: VisitedNode): string {
  if (parent?.type === "SortBy") return placeOf(parent);
  return `${parent?.type ?? ""}.${field ?? ""}`;
}

/**
 * Tells whether a value is a column of the answer itself, or of the query that EXPLAIN plans: a column of the outermost SELECT, if that is
 * not a UNION and makes no table.
 */
function isShown({ parent }: VisitedNode): boolean {
  const select = parent?.parent;
  if (parent?.type !== "ResTarget" || select?.type !== "SelectStmt" || parent.field !== "targetList") return false;
  const isOutermost = select.parent === undefined || select.parent.type === "ExplainStmt";
  return isOutermost && select.node.op === "SETOP_NONE" && !("intoClause" in select.node);
}
