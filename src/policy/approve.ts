// Decides whether a token may send a statement. The token must hold every permission that any part of the statement exercises.

import { refusal } from "../base/errors.ts";
import type { Permission } from "../base/permissions.ts";
import { withoutReplace } from "../sql/without-replace.ts";
import type { ApprovedStatement, StatementFacts } from "./approved-statement.ts";

/**
 * Approves a statement for a token with these permissions.
 *
 * @throws GatewayError PARSE_ERROR: OPERATION_NOT_ALLOWED, which names the first permission that is missing.
 */
export function approve(facts: StatementFacts, permissions: ReadonlySet<Permission>): ApprovedStatement {
  for (const permission of facts.permissions) if (!permissions.has(permission)) throw refuseOperation(permission);
  const hasOne = permissions.has("INSERT") || permissions.has("UPDATE");
  if (facts.needsInsertOrUpdate && !hasOne) throw refuseOperation("INSERT");
  const sent = facts.replacesView && !permissions.has("ALTER") ? withoutChange(facts) : facts;
  return sent as ApprovedStatement; // This is the only cast to the brand. execute() takes nothing else.
}

/**
 * Turns CREATE OR REPLACE VIEW into CREATE VIEW, for a token that may create but not alter. It can make a new view; if a view of this
 * name exists, PostgreSQL leaves it as it is and reports 42P07.
 */
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
