// Keeps a tenant's changes of its schema within bounds: statements of the gateway's own among the caller's, in the same
// write, that fail the transaction in PostgreSQL. In charge of which guards a request has, and where; what they count is in
// the functions of postgate_helpers.

import type { SchemaChange, StatementToRun } from "../policy/approved-statement.ts";
import type { SchemaLimits } from "./execute-request.ts";

/** A statement of the gateway's own. It answers with nothing that is looked at, or with an error. */
export interface Guard {
  readonly sql: string;
  readonly values: readonly (string | null)[];
}

/** The guards of a request, by the number of the statement that they stand beside. */
export interface GuardsByStatement {
  readonly before: ReadonlyMap<number, readonly Guard[]>;
  readonly after: ReadonlyMap<number, readonly Guard[]>;
}

/** Counting the locks that are held means reading the whole lock table, so not every small change does it. */
const CHANGES_BETWEEN_COUNTS = 8;

const BEGIN: Guard = {
  sql: "select from postgate_helpers.begin_schema_change(pg_catalog.current_schema())",
  values: [],
};
const REQUIRE_LOCKS = "select from postgate_helpers.require_locks(pg_catalog.current_schema(), $1, $2, $3)";
const REQUIRE_RELATIONS = "select from postgate_helpers.require_relations(pg_catalog.current_schema(), $1, $2)";

/** The guards of one transaction, in the order of its statements. */
class SchemaGuards {
  readonly #limits: SchemaLimits;
  #changes = 0;

  constructor(limits: SchemaLimits) {
    this.#limits = limits;
  }

  /** Ahead of all that the transaction locks, where that can be: it waits for another transaction's changes. */
  begin(): Guard {
    return BEGIN;
  }

  beforeChange({ objects, copied, drops, makes }: SchemaChange): Guard {
    this.#changes += 1;
    const isDue = this.#changes % CHANGES_BETWEEN_COUNTS === 0;
    const values = [{ objects, copied, drops, makes }, isDue, this.#limits.maxLocks].map((value) =>
      JSON.stringify(value),
    );
    return { sql: REQUIRE_LOCKS, values };
  }

  /** After the last statement that makes relations. */
  afterMaking(disowns: boolean): readonly Guard[] {
    const { maxRelations } = this.#limits;
    return maxRelations === undefined
      ? []
      : [{ sql: REQUIRE_RELATIONS, values: [String(maxRelations), String(disowns)] }];
  }
}

const NO_GUARDS: GuardsByStatement = { before: new Map(), after: new Map() };

/** @param limits undefined where nothing is guarded: on a dedicated database. */
export function guardsOf(statements: readonly StatementToRun[], limits: SchemaLimits | undefined): GuardsByStatement {
  if (limits === undefined || !statements.some(({ statement }) => statement.schemaChange !== undefined))
    return NO_GUARDS;
  const changes = statements.map(({ statement }) => statement.schemaChange);
  const guards = new SchemaGuards(limits);
  const before = new Map<number, readonly Guard[]>([[0, [guards.begin()]]]);
  for (const [index, change] of changes.entries())
    if (change !== undefined) before.set(index, [...(before.get(index) ?? []), guards.beforeChange(change)]);
  const last = changes.findLastIndex((change) => change !== undefined && (change.makes > 0 || change.disowns));
  const disowns = changes.some((change) => change?.disowns === true);
  return { before, after: new Map(last < 0 ? [] : [[last, guards.afterMaking(disowns)]]) };
}
