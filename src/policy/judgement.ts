// What is known about a statement while it is judged. Rules read the visited node and write here; they refuse by
// throwing.

import type { WithClause } from "@pgsql/types";

import type { ParsedStatement } from "../sql/parsed-statement.ts";
import type { VisitedNode } from "../sql/walk.ts";
import { type GatewayError, refusal, type RefusalReason } from "../base/errors.ts";
import type { Permission } from "../base/permissions.ts";
import { Ancestors } from "./ancestors.ts";
import type { PolicyRules } from "./policy-rules.ts";
import type { StatementType } from "./tables/statement-types.ts";
import { TypeSourceFinder } from "./type-sources.ts";

/** What a statement's nodes have told of its effect on the schema. */
export interface SchemaNotes {
  makes: number;
  drops: boolean;
  disowns: boolean;
  readonly types: string[];
  /** The table that ALTER TABLE attaches or detaches: its parent and its siblings stay as they are. */
  partition: { readonly name: string; readonly isAttached: boolean } | undefined;
}

export class Judgement {
  readonly statement: ParsedStatement;
  readonly rules: PolicyRules;
  /** Known once the first node was visited. */
  root: { readonly visited: VisitedNode; readonly type: StatementType; readonly isDefinition: boolean } | undefined =
    undefined;
  /** The root's first, then in the order in which they are found. */
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
  /** What the constants of calls add up to, as argument-sizes.ts counts it. */
  uninterruptibleSteps = 0;
  /** `x.f` calls the function f where x is a function in FROM: known only when the whole tree was seen. */
  hasFunctionInFrom = false;
  /** Columns written as `x.f`, judged at the end. */
  readonly twoPartNames: { readonly name: string; readonly visited: VisitedNode }[] = [];

  /** The text in bytes, where it may spell out `pg_catalog`; otherwise nothing. */
  textWithCatalog: Buffer | undefined = undefined;
  readonly ancestors = new Ancestors();
  /** The CTEs of each WITH, as relations.ts has read them. */
  readonly commonTables = new Map<WithClause, ReadonlyMap<string, number>>();

  constructor(statement: ParsedStatement, rules: PolicyRules) {
    this.statement = statement;
    this.rules = rules;
  }

  /** The error that refuses the statement because of this node. */
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

/** The node's own place, or that of the nearest node around it that has one. The location of a whole statement, as SET has
 * one, is that of a value in it. */
function locationOf(visited: VisitedNode): number | undefined {
  for (let at = visited; at.parent !== undefined; at = at.parent) {
    if ("location" in at.node && typeof at.node.location === "number" && at.node.location >= 0) return at.node.location;
  }
  return undefined;
}
