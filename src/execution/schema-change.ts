import type { ApprovedStatement } from "../policy/approved-statement.ts";

/** Statements prepared before may have inferred types that are wrong after it, and would change values silently. */
export function changesSchema({ permissions }: ApprovedStatement): boolean {
  return permissions.some((permission) => permission === "CREATE" || permission === "ALTER" || permission === "DROP");
}
