// Judges the options of definitions: WITH (…), sequence options, EXPLAIN (…). Each place has a short list. An option that is not on it
// (a sequence's name in another schema, autovacuum settings, ANALYZE) is refused.

import type { DefElem, Node } from "@pgsql/types";

import type { NodeType, VisitedNode } from "../sql/walk.ts";
import type { Judgement } from "./judgement.ts";
import { namesOf, requireOwnName, requireUnqualified } from "./names.ts";

const TABLE_OPTIONS = ["fillfactor"];
/** Options of PostgreSQL's own index methods and of pgvector's. */
const INDEX_OPTIONS = [
  ...["fillfactor", "deduplicate_items", "fastupdate", "buffering", "pages_per_range"],
  ...["lists", "m", "ef_construction"],
];
const VIEW_OPTIONS = ["security_barrier", "security_invoker", "check_option"];
const SEQUENCE_OPTIONS = [
  ...["as", "increment", "start", "minvalue", "maxvalue", "cache", "cycle", "restart", "owned_by"],
];

/** @public The generator of docs/reference/sql-policy.md reads it. */
export const ALLOWED_OPTIONS: Partial<Record<NodeType, readonly string[]>> = {
  AlterSeqStmt: SEQUENCE_OPTIONS,
  AlterTableCmd: [...TABLE_OPTIONS, ...VIEW_OPTIONS, ...INDEX_OPTIONS, ...SEQUENCE_OPTIONS, "generated"],
  Constraint: [...INDEX_OPTIONS, ...SEQUENCE_OPTIONS],
  CreateSeqStmt: SEQUENCE_OPTIONS,
  CreateStmt: TABLE_OPTIONS,
  ExplainStmt: ["format", "costs", "generic_plan"],
  IndexElem: ["siglen"],
  IndexStmt: INDEX_OPTIONS,
  IntoClause: TABLE_OPTIONS,
  ViewStmt: VIEW_OPTIONS,
};

export function judgeOption(option: DefElem, visited: VisitedNode, judgement: Judgement): void {
  const name = option.defname ?? "";
  const owner = ownerOf(visited);
  if (!ALLOWED_OPTIONS[owner.type]?.includes(name)) throw refuseOption(name, owner, { visited, judgement });
  if (name === "owned_by") judgeOwningColumn(option.arg, visited, judgement);
}

/** Returns the node that has the option. A list may be between the two. */
function ownerOf(visited: VisitedNode): VisitedNode {
  let owner = visited.parent ?? visited;
  while (owner.type === "List" && owner.parent !== undefined) owner = owner.parent;
  return owner;
}

function refuseOption(name: string, owner: VisitedNode, context: { visited: VisitedNode; judgement: Judgement }) {
  const isExplain = owner.type === "ExplainStmt";
  return context.judgement.refuse(context.visited, "STATEMENT_NOT_SUPPORTED", {
    message: `Unsupported ${isExplain ? "EXPLAIN option" : "option"}: ${name}`,
    hint: isExplain ? "EXPLAIN takes FORMAT, COSTS and GENERIC_PLAN." : undefined,
  });
}

/** Judges the column of `OWNED BY table.column`. A name of three parts has a schema, and is refused. */
function judgeOwningColumn(argument: Node | undefined, visited: VisitedNode, judgement: Judgement): void {
  const parts = argument !== undefined && "List" in argument ? namesOf(argument.List.items) : [];
  const context = { visited, judgement };
  if (parts.length > 2) requireUnqualified(parts, "table", context);
  if (parts.length === 2) requireOwnName(parts[0] ?? "", context);
}
