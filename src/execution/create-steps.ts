import type { ExecuteRequest } from "./execute-request.ts";
import type { PreparedStatements } from "./pool/prepared-statements.ts";
import { changesSchema } from "./schema-change.ts";
import { Step } from "./step.ts";
import type { UndeterminedMemory } from "./parameters/undetermined-memory.ts";

/** More would push one another, and everybody else's, out of what a connection keeps prepared. */
const MAX_KEPT_STATEMENTS = 50;

/**
 * The request's statements on this connection. What comes after a change of the schema is not kept prepared: its types are
 * inferred from what may yet be rolled back.
 */
export function createSteps(request: ExecuteRequest, prepared: PreparedStatements, memory: UndeterminedMemory): Step[] {
  const { session } = request;
  let isKept = request.statements.length <= MAX_KEPT_STATEMENTS || hasFewTexts(request);
  return request.statements.map((each) => {
    const step = new Step(each, { session, statements: prepared, memory, isKept });
    if (changesSchema(each.statement)) isKept = false;
    return step;
  });
}

function hasFewTexts({ statements }: ExecuteRequest): boolean {
  return new Set(statements.map(({ statement }) => statement.text)).size <= MAX_KEPT_STATEMENTS;
}
