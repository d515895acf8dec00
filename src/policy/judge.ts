// The judge finds out what a parsed statement does and whether it may be sent at all. It applies the whole SQL policy, by allow-lists over
// every node of the tree; approve.ts decides which token may send the statement. The judge is pure: it takes the tree and the rules, and
// returns facts or throws a refusal.

import type { Node } from "@pgsql/types";

import type { ParsedStatement } from "../sql/parsed-statement.ts";
import { type NodeType, type VisitedNode, visitTree } from "../sql/walk.ts";
import { ALLOWED_NODES, ANY_VALUE } from "./tables/allowed-nodes.ts";
import type { StatementFacts } from "./approved-statement.ts";
import { judgeIdentifiers } from "./definitions.ts";
import { refuseFunction } from "./function-calls.ts";
import { Judgement } from "./judgement.ts";
import { applyFinalRules, applyRule, refuseOnAdmin } from "./node-rules.ts";
import type { PolicyRules } from "./policy-rules.ts";
import { noteSchemaChange, schemaChangeOf } from "./schema-change.ts";
import { REFUSED_CLAUSES, REFUSED_PARTS, REFUSED_STATEMENTS } from "./tables/refused-nodes.ts";
import { STATEMENT_TYPES } from "./tables/statement-types.ts";
import { describeRefusedValue } from "./tables/refused-values.ts";

/**
 * Returns the facts about a statement that the policy allows.
 *
 * @throws GatewayError PARSE_ERROR for a statement that the policy refuses. Its reason is STATEMENT_NOT_SUPPORTED, QUALIFIED_NAME,
 * SYSTEM_OBJECT, FUNCTION_NOT_ALLOWED or TOO_COMPLEX, and its position is that of the refused part.
 */
export function judge(statement: ParsedStatement, rules: PolicyRules): StatementFacts {
  const judgement = new Judgement(statement, rules);
  visitTree(statement.tree, (visited) => {
    requireAllowedNode(visited, judgement);
    judgement.root ??= judgeRoot(visited, judgement);
    if (judgement.root.isDefinition) judgeIdentifiers(visited, judgement);
    applyRule(visited, judgement);
    noteSchemaChange(visited, judgement);
  });
  applyFinalRules(judgement);
  return toFacts(judgement);
}

function toFacts(judgement: Judgement): StatementFacts {
  if (judgement.root === undefined) throw new Error("The parser gave an empty tree");
  const { visited, type } = judgement.root;
  const tables = [...judgement.tables].sort();
  return {
    text: judgement.statement.text,
    operation: type.operation,
    permissions: [...judgement.permissions],
    needsInsertOrUpdate: judgement.needsInsertOrUpdate,
    tables,
    returnsRows: returnsRows(visited),
    typeSources: judgement.typeSources.find(tables),
    readsClock: judgement.readsClock,
    readsSequences: judgement.readsSequences,
    // EXPLAIN only plans its statement and does not run it.
    writes: visited.type !== "ExplainStmt" && (type.writes || judgement.writes),
    replacesView: visited.type === "ViewStmt" && visited.node.replace === true,
    callsHelpers: judgement.callsHelpers,
    schemaChange: schemaChangeOf(judgement),
    parameterCount: judgement.parameterCount,
  };
}

function judgeRoot(root: VisitedNode, judgement: Judgement): Judgement["root"] & object {
  const type = STATEMENT_TYPES[root.type];
  if (type === undefined) throw refuseNode(root, judgement);
  if (judgement.rules.kind === "admin" && type.isDml !== true) throw refuseOnAdmin(type.operation, root, judgement);
  if (type.permission !== undefined) judgement.permissions.add(type.permission);
  return { visited: root, type, isDefinition: isDefinition(root) };
}

function requireAllowedNode(visited: VisitedNode, judgement: Judgement): void {
  const allowed = ALLOWED_NODES[visited.type];
  if (allowed === undefined) throw refuseNode(visited, judgement);
  const node = visited.node as Readonly<Record<string, unknown>>;
  for (const field in node) {
    const values = allowed.get(field);
    if (values === undefined || (values !== ANY_VALUE && !values.has(node[field])))
      throw refuseField(field, visited, judgement);
  }
}

function refuseNode(visited: VisitedNode, judgement: Judgement) {
  const statement = REFUSED_STATEMENTS[visited.type];
  const part = REFUSED_PARTS[visited.type];
  return judgement.refuse(visited, "STATEMENT_NOT_SUPPORTED", {
    message:
      statement === undefined
        ? `Unsupported syntax: ${part?.name ?? visited.type}`
        : `Unsupported statement type: ${statement.name}`,
    hint: (statement ?? part)?.hint,
  });
}

function refuseField(field: string, visited: VisitedNode, judgement: Judgement) {
  const value = (visited.node as Readonly<Record<string, unknown>>)[field];
  if (value === "SVFOP_SESSION_USER") return refuseFunction("session_user", visited, judgement);
  const path = `${visited.type}.${field}`;
  const clause = REFUSED_CLAUSES[path];
  return judgement.refuse(visited, "STATEMENT_NOT_SUPPORTED", {
    message: describeRefusedValue(path, value) ?? `Unsupported clause: ${clause?.name ?? path}`,
    hint: clause?.hint,
  });
}

const DEFINITIONS: ReadonlySet<NodeType> = new Set<NodeType>([
  ...(["CreateStmt", "CreateTableAsStmt", "ViewStmt", "IndexStmt", "CreateSeqStmt", "CreateEnumStmt"] as const),
  ...(["CompositeTypeStmt", "CreateDomainStmt", "AlterTableStmt", "AlterDomainStmt", "RenameStmt"] as const),
]);

/** Tells whether a statement defines something, also inside EXPLAIN, so that it has the same verdict there as alone. */
function isDefinition(root: VisitedNode): boolean {
  const statement: Node | undefined =
    root.type === "ExplainStmt" ? root.node.query : ({ [root.type]: root.node } as unknown as Node);
  if (statement === undefined) return false;
  if ("SelectStmt" in statement) return intoClauseOf(statement.SelectStmt) !== undefined;
  return Object.keys(statement).some((type) => DEFINITIONS.has(type as NodeType));
}

type SelectNode = Extract<VisitedNode, { type: "SelectStmt" }>["node"];

/** Returns the INTO clause of a SELECT. In a UNION, the leftmost arm has it. */
function intoClauseOf(select: SelectNode): SelectNode["intoClause"] {
  let at = select;
  while (at.larg !== undefined) at = at.larg;
  return at.intoClause;
}

function returnsRows(root: VisitedNode): boolean {
  if (root.type === "SelectStmt") return intoClauseOf(root.node) === undefined;
  if (root.type === "ExplainStmt") return true;
  return "returningClause" in root.node;
}
