// Whether a token may send a statement: it must hold every permission that any part of the statement exercises.

import { refusal } from "../base/errors.ts";
import type { Permission } from "../base/permissions.ts";
import { withoutReplace } from "../sql/without-replace.ts";
import type { ApprovedStatement, StatementFacts } from "./approved-statement.ts";

/** @throws GatewayError PARSE_ERROR, OPERATION_NOT_ALLOWED: names the first permission that is missing. */
export function approve(facts: StatementFacts, permissions: ReadonlySet<Permission>): ApprovedStatement {
  for (const permission of facts.permissions) if (!permissions.has(permission)) throw refuseOperation(permission);
  const hasOne = permissions.has("INSERT") || permissions.has("UPDATE");
  if (facts.needsInsertOrUpdate && !hasOne) throw refuseOperation("INSERT");
  const sent = facts.replacesView && !permissions.has("ALTER") ? withoutChange(facts) : facts;
  return sent as ApprovedStatement; // The only cast to this brand; execute() takes nothing else.
}

/** A token that may create and not alter makes a new view; one of this name that is there stays as it is (42P07). */
function withoutChange(facts: StatementFacts): StatementFacts {
  const text = withoutReplace(facts.text);
  if (text === undefined) throw refuseOperation("ALTER");
  return { ...facts, text };
}

function refuseOperation(permission: Permission) {
  return refusal("OPERATION_NOT_ALLOWED", `Operation ${permission} is not allowed`, {
    hint: `The token lacks ${permission}, which this statement or a part of it needs.`,
  });
}
