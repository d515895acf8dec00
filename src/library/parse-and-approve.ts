// Parses and judges a statement without a server. The library exports it as `parseAndApprove`.

import { isPermission, type Permission, PERMISSIONS } from "../base/permissions.ts";
import { createJudge, type Judge } from "../policy/create-judge.ts";
import type { StatementFacts } from "../policy/approved-statement.ts";

export type ApprovedFacts = Pick<StatementFacts, "operation" | "permissions" | "tables" | "returnsRows">;

let judge: Judge | undefined;

export async function parseAndApprove(sql: string, permissions: Iterable<Permission>): Promise<ApprovedFacts> {
  if (typeof sql !== "string") throw new TypeError("The SQL must be a string");
  const granted = new Set(permissions);
  for (const permission of granted)
    if (!isPermission(permission)) throw new TypeError(`Unknown permission: ${String(permission)}`);
  judge ??= createJudge();
  const {
    operation,
    permissions: needed,
    tables,
    returnsRows,
  } = await judge.approve(sql, {
    kind: "tenant",
    permissions: granted,
    tenant: "",
  });
  return {
    operation,
    permissions: PERMISSIONS.filter((permission) => needed.includes(permission)),
    tables,
    returnsRows,
  };
}
