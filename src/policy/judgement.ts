// Holds what is known about a statement while it is judged. A rule reads the visited node and writes here, or throws to refuse the
// statement.

import type { WithClause } from "@pgsql/types";

import type { ParsedStatement } from "../sql/parsed-statement.ts";
import type { VisitedNode } from "../sql/walk.ts";
import { type GatewayError, refusal, type RefusalReason } from "../base/errors.ts";
import type { Permission } from "../base/permissions.ts";
import { Ancestors } from "./ancestors.ts";
import type { PolicyRules } from "./policy-rules.ts";
import type { StatementType } from "./tables/statement-types.ts";
import { TypeSourceFinder } from "./type-sources.ts";

/** The effect of a statement on the schema, as far as the visited nodes show it. SchemaChange describes the fields. */
export interface SchemaNotes {
  makes: number;
  drops: boolean;
  disowns: boolean;
  readonly types: string[];
  /** The partition that ALTER TABLE attaches or detaches. Its parent and its siblings stay as they are. */
  partition: { readonly name: string; readonly isAttached: boolean } | undefined;
}

export class Judgement {
  readonly statement: ParsedStatement;
  readonly rules: PolicyRules;
  /** The statement itself. Undefined until the first node is visited. */
  root: { readonly visited: VisitedNode; readonly type: StatementType; readonly isDefinition: boolean } | undefined =
    undefined;
  /** The permissions that the statement needs: the root's first, then the others in the order in which they are found. */
  readonly permissions = new Set<Permission>();
  readonly tables = new Set<string>();
  needsInsertOrUpdate = false;
  callsHelpers = false;
  writes = false;
  readsClock = false;
  readsSequences = false;
  readonly typeSources = new TypeSourceFinder();
  parameterCount = 0;
  readonly schema: SchemaNotes = { makes: 0, drops: false, disowns: false, types: [], partition: undefined };
  /** Sum of the steps that argument-sizes.ts has counted for the constants of calls. */
  uninterruptibleSteps = 0;
  /** True if a function is in FROM: `x.f` then may call the function f. The value is complete after the whole tree was visited. */
  hasFunctionInFrom = false;
  /** Columns written as `x.f`. They are judged after the whole tree was visited. */
  readonly twoPartNames: { readonly name: string; readonly visited: VisitedNode }[] = [];

  /** The text as UTF-8 bytes, or no bytes if it does not spell out `pg_catalog`. Undefined until a rule needs it. */
  textWithCatalog: Buffer | undefined = undefined;
  readonly ancestors = new Ancestors();
  /** The CTEs of each WITH that relations.ts has read: maps a CTE's name to its place in the list. */
  readonly commonTables = new Map<WithClause, ReadonlyMap<string, number>>();

  constructor(statement: ParsedStatement, rules: PolicyRules) {
    this.statement = statement;
    this.rules = rules;
  }

  /** Returns the error that refuses the statement because of this node. */
  refuse(
    visited: VisitedNode,
    reason: RefusalReason,
    what: { message: string; hint?: string | undefined },
  ): GatewayError {
    const position = this.statement.positionOf(locationOf(visited) ?? this.statement.location);
    return refusal(reason, what.message, {
      ...(position === undefined ? {} : { position }),
      ...(what.hint === undefined ? {} : { hint: what.hint }),
    });
  }
}

/**
 * Returns the location of the node, or that of the nearest node around it that has one. The root's location is not used: some statements,
 * such as SET, have one, but it is that of a value inside the statement.
 */
function locationOf(visited: VisitedNode): number | undefined {
  for (let at = visited; at.parent !== undefined; at = at.parent) {
    if ("location" in at.node && typeof at.node.location === "number" && at.node.location >= 0) return at.node.location;
  }
  return undefined;
}
