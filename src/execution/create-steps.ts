import type { ExecuteRequest } from "./execute-request.ts";
import type { PreparedStatements } from "./pool/prepared-statements.ts";
import { changesSchema } from "./schema-change.ts";
import { Step } from "./step.ts";
import type { UndeterminedMemory } from "./parameters/undetermined-memory.ts";

/** More would push one another, and everybody else's, out of what a connection keeps prepared. */
const MAX_KEPT_STATEMENTS = 50;

/**
 * The request's statements on this connection. A request that changes the schema keeps none of them prepared: their types are
 * inferred from what may yet be rolled back, and their type guards would lock tables ahead of the lock for changes of the schema.
 * A text whose literals are read as times of today is not kept either.
 */
export function createSteps(request: ExecuteRequest, prepared: PreparedStatements, memory: UndeterminedMemory): Step[] {
  const { session, statements } = request;
  const isModest = statements.length <= MAX_KEPT_STATEMENTS || hasFewTexts(request);
  const areKept = isModest && !statements.some(({ statement }) => changesSchema(statement));
  return statements.map((each) => {
    const isKept = areKept && !each.statement.readsClock;
    return new Step(each, { session, statements: prepared, memory, isKept });
  });
}

function hasFewTexts({ statements }: ExecuteRequest): boolean {
  return new Set(statements.map(({ statement }) => statement.text)).size <= MAX_KEPT_STATEMENTS;
}
