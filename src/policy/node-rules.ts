// Holds one rule for each type of node that matters to the verdict, besides being allowed at all: the rule adds the permissions that the
// node needs, and judges the names in it.

import type { Node } from "@pgsql/types";

import { DEFAULT_PERMISSIONS, type Permission } from "../base/permissions.ts";
import type { NodeOf, NodeType, VisitedNode } from "../sql/walk.ts";
import { judgeCastSize, judgeOperandSizes } from "./argument-sizes.ts";
import { judgeConstraint, judgeDrop, judgeExistingType, judgeRename } from "./definitions.ts";
import { readsClock } from "./clock-literals.ts";
import { judgeOption } from "./definition-options.ts";
import { judgeAttribute, judgeFunctionCall, judgeTransactionNumber } from "./function-calls.ts";
import type { Judgement } from "./judgement.ts";
import { namesOf, requireOwnName, requireUnqualified } from "./names.ts";
import { judgeRelation } from "./relations.ts";
import { STATEMENT_TYPES } from "./tables/statement-types.ts";
import { judgeTypeOfCall, TYPE_OF } from "./type-of-calls.ts";
import { judgeNewTypeName, judgeTypeName } from "./type-names.ts";

type Rule<Type extends NodeType> = (node: NodeOf<Type>, visited: VisitedNode, judgement: Judgement) => void;

const SAMPLING_METHODS: ReadonlySet<string> = new Set(["bernoulli", "system"]);

const EXPLAINED: ReadonlySet<NodeType> = new Set<NodeType>([
  ...(["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CreateTableAsStmt"] as const),
]);

const ACTION_PERMISSIONS: ReadonlyMap<string, Permission> = new Map(
  DEFAULT_PERMISSIONS.map((permission) => [`CMD_${permission}`, permission]),
);

const RULES: { readonly [Type in NodeType]?: Rule<Type> } = {
  InsertStmt: (_, visited, judgement) => judgeWriting(visited, judgement),
  UpdateStmt: (_, visited, judgement) => judgeWriting(visited, judgement),
  DeleteStmt: (_, visited, judgement) => judgeWriting(visited, judgement),
  MergeStmt: (_, visited, judgement) => judgeWriting(visited, judgement),
  MergeWhenClause: (node, _, judgement) => {
    const permission = ACTION_PERMISSIONS.get(node.commandType ?? "");
    if (permission !== undefined) judgement.permissions.add(permission);
  },
  OnConflictClause: (node, _, judgement) => {
    if (node.action === "ONCONFLICT_UPDATE") judgement.permissions.add("UPDATE");
  },
  ReturningClause: (_, __, judgement) => {
    judgement.permissions.add("SELECT");
  },
  LockingClause: (_, __, judgement) => {
    judgement.permissions.add("UPDATE");
    judgement.writes = true; // PostgreSQL writes a row lock to the row, and refuses it in a READ ONLY transaction.
  },
  IntoClause: (_, visited, judgement) => {
    if (judgement.rules.kind === "admin") throw refuseOnAdmin("SELECT INTO", visited, judgement);
    judgement.permissions.add("CREATE");
    judgement.writes = true;
  },
  CommonTableExpr: (node, _, judgement) => {
    if (node.ctequery !== undefined && "SelectStmt" in node.ctequery) judgement.permissions.add("SELECT");
  },
  ExplainStmt: (node, visited, judgement) => {
    for (const type in node.query) judgeExplained(type as NodeType, visited, judgement);
  },
  // The query needs SELECT even if it names no table, as in CREATE TABLE t AS SELECT 1.
  CreateTableAsStmt: (_, __, judgement) => {
    judgement.permissions.add("SELECT");
  },
  ViewStmt: (_, __, judgement) => {
    judgement.permissions.add("SELECT");
  },
  IndexStmt: (node, visited, judgement) => requireOwnName(node.idxname ?? "", { visited, judgement }),
  DropStmt: judgeDrop,
  RenameStmt: judgeRename,
  Constraint: judgeConstraint,
  CreateEnumStmt: (node, visited, judgement) => judgeNewType(node.typeName, visited, judgement),
  CreateDomainStmt: (node, visited, judgement) => judgeNewType(node.domainname, visited, judgement),
  AlterEnumStmt: (node, visited, judgement) => judgeExistingType(node.typeName, { visited, judgement }),
  AlterDomainStmt: (node, visited, judgement) => judgeExistingType(node.typeName, { visited, judgement }),
  DefElem: judgeOption,
  RangeVar: judgeRelation,
  RangeFunction: (node, _, judgement) => {
    judgement.hasFunctionInFrom = true;
    judgement.typeSources.visitFunctionInFrom(node);
  },
  RangeTableSample: judgeSampling,
  TypeName: (node, visited, judgement) => {
    judgeTypeName(node, visited, judgement);
    judgeTransactionNumber(namesOf(node.names).at(-1) ?? "", visited, judgement);
    judgement.typeSources.visitTypeName(node.names);
  },
  FuncCall: judgeFunctionCall,
  A_Indirection: (node, visited, judgement) => {
    judgement.typeSources.visitIndirection(node.indirection);
    for (const step of node.indirection ?? [])
      if ("String" in step) judgeAttribute(step.String.sval ?? "", visited, judgement);
  },
  ColumnRef: judgeColumn,
  A_Expr: (node, visited, judgement) => {
    judgeOperator(node.name, visited, judgement);
    judgeOperandSizes(node, { visited, judgement });
  },
  TypeCast: (node, visited, judgement) => judgeCastSize(node, { visited, judgement }),
  SubLink: (node, visited, judgement) => judgeOperator(node.operName, visited, judgement),
  SortBy: (node, visited, judgement) => judgeOperator(node.useOp, visited, judgement),
  CollateClause: (node, visited, judgement) => judgeCollation(node.collname, visited, judgement),
  IndexElem: judgeIndexElement,
  PartitionElem: judgeIndexElement,
  ParamRef: (node, visited, judgement) => {
    judgement.parameterCount = Math.max(judgement.parameterCount, node.number ?? 0);
    judgement.typeSources.visitParameter(visited);
  },
  ResTarget: (node, _, judgement) => judgement.typeSources.visitIndirection(node.indirection),
  A_Const: (node, _, judgement) => {
    judgement.readsClock ||= readsClock(node.sval?.sval ?? "");
  },
};

/** Applies the rule for the node's type. @throws GatewayError PARSE_ERROR */
export function applyRule(visited: VisitedNode, judgement: Judgement): void {
  // The type of RULES ensures that each rule takes its own node. TypeScript cannot express that for a look-up by a union type.
  const rule = RULES[visited.type] as Rule<NodeType> | undefined;
  rule?.(visited.node as never, visited, judgement);
}

/** Applies the rules that need the whole tree. It is called after the last node was visited. */
export function applyFinalRules(judgement: Judgement): void {
  // Without a function in FROM, `x` in `x.f` is a row. Only pg_typeof is not harmless on a row, and judgeColumn has judged it already.
  if (!judgement.hasFunctionInFrom) return;
  for (const { name, visited } of judgement.twoPartNames) judgeAttribute(name, visited, judgement);
}

export function refuseOnAdmin(operation: string, visited: VisitedNode, judgement: Judgement) {
  return judgement.refuse(visited, "STATEMENT_NOT_SUPPORTED", {
    message: `Unsupported statement type: ${operation}`,
    hint: "The admin database takes SELECT, INSERT, UPDATE and DELETE on its two tables, and calls of its functions.",
  });
}

function judgeWriting(visited: VisitedNode, judgement: Judgement): void {
  const permission = STATEMENT_TYPES[visited.type]?.permission;
  if (permission !== undefined) judgement.permissions.add(permission);
  judgement.writes = true;
}

function judgeExplained(type: NodeType, visited: VisitedNode, judgement: Judgement): void {
  const explained = STATEMENT_TYPES[type];
  if (explained === undefined || !EXPLAINED.has(type))
    throw judgement.refuse(visited, "STATEMENT_NOT_SUPPORTED", {
      message: "Unsupported statement type: EXPLAIN of this",
    });
  if (judgement.rules.kind === "admin" && explained.isDml !== true)
    throw refuseOnAdmin(explained.operation, visited, judgement);
  if (explained.permission !== undefined) judgement.permissions.add(explained.permission);
}

function judgeNewType(names: NodeOf<"CreateEnumStmt">["typeName"], visited: VisitedNode, judgement: Judgement): void {
  const name = requireUnqualified(namesOf(names), "type", { visited, judgement });
  judgeNewTypeName(name, visited, judgement);
}

function judgeSampling(node: NodeOf<"RangeTableSample">, visited: VisitedNode, judgement: Judgement): void {
  const name = requireUnqualified(namesOf(node.method), "function", { visited, judgement });
  if (!SAMPLING_METHODS.has(name))
    throw judgement.refuse(visited, "FUNCTION_NOT_ALLOWED", { message: `Function is not allowed: '${name}'` });
}

function judgeColumn(node: NodeOf<"ColumnRef">, visited: VisitedNode, judgement: Judgement): void {
  const { fields = [] } = node;
  if (fields.length > 2) {
    throw judgement.refuse(visited, "QUALIFIED_NAME", {
      message: `Qualified column names are not allowed: '${namesOf(fields).join(".")}'`,
      hint: "Write table.column; for a field of a composite column (table.column).field.",
    });
  }
  const last = fields.at(-1);
  if (last !== undefined && "String" in last) judgeTransactionNumber(last.String.sval ?? "", visited, judgement);
  const second = fields[1];
  if (second === undefined || !("String" in second)) return;
  const { sval: name = "" } = second.String;
  if (name === TYPE_OF) judgeTypeOfCall(visited, judgement);
  judgement.twoPartNames.push({ name, visited });
}

/** Tells whether a name has a schema. Most have none, and their texts need not be read. */
function isQualified(names: readonly Node[] | undefined): boolean {
  return names !== undefined && names.length > 1;
}

function judgeOperator(names: NodeOf<"A_Expr">["name"], visited: VisitedNode, judgement: Judgement): void {
  if (isQualified(names)) requireUnqualified(namesOf(names), "operator", { visited, judgement });
}

function judgeCollation(names: NodeOf<"CollateClause">["collname"], visited: VisitedNode, judgement: Judgement): void {
  if (isQualified(names)) requireUnqualified(namesOf(names), "collation", { visited, judgement });
}

function judgeIndexElement(
  node: NodeOf<"IndexElem"> | NodeOf<"PartitionElem">,
  visited: VisitedNode,
  judgement: Judgement,
): void {
  judgeCollation(node.collation, visited, judgement);
  requireUnqualified(namesOf(node.opclass), "operator class", { visited, judgement });
}
