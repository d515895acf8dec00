// Where pg_typeof(…) may stand. Its result is a regtype, and PostgreSQL turns a number beside it (in CASE, COALESCE,
// UNION, an array, a column made from it) into one too: that would print the name of every tenant's table by its number.
// So it may only be shown as it is, sorted by, tested for NULL, or cast.

import type { VisitedNode } from "../sql/walk.ts";
import type { Judgement } from "./judgement.ts";

const HARMLESS_PLACES: ReadonlySet<string> = new Set([
  ...["TypeCast.arg", "NullTest.arg", "SortBy.node", "SelectStmt.groupClause"],
]);

export function judgeTypeOfCall(visited: VisitedNode, judgement: Judgement): void {
  if (HARMLESS_PLACES.has(`${visited.parent?.type ?? ""}.${visited.field ?? ""}`) || isShown(visited)) return;
  throw judgement.refuse(visited, "FUNCTION_NOT_ALLOWED", {
    message: "Function is not allowed here: 'pg_typeof'",
    hint: "Write pg_typeof(…)::text.",
  });
}

/** A column of the answer itself: of the outermost SELECT, which is no UNION and makes no table. */
function isShown({ parent }: VisitedNode): boolean {
  const select = parent?.parent;
  if (parent?.type !== "ResTarget" || select?.type !== "SelectStmt" || parent.field !== "targetList") return false;
  return select.parent === undefined && select.node.op === "SETOP_NONE" && !("intoClause" in select.node);
}
