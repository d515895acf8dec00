// Judges what DDL names besides relations: objects to drop or rename, types to create, constraints, indexes. A new name must be one that
// a tenant may have, and must not have control characters (CVE-2025-8714: a newline in a name ends a comment in the operator's dump).

import type { Node } from "@pgsql/types";

import type { NodeOf, VisitedNode } from "../sql/walk.ts";
import type { Judgement } from "./judgement.ts";
import { type NameContext, namesOf, requireOwnName, requireUnqualified } from "./names.ts";
import { judgeNewTypeName } from "./type-names.ts";

const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u;

/** Fields that hold an identifier, in any node of a definition. */
const IDENTIFIER_FIELDS = [
  ...["aliasname", "colname", "conname", "ctename", "idxname", "indexname", "name", "newname", "relname"],
] as const;

export function judgeDrop(node: NodeOf<"DropStmt">, visited: VisitedNode, judgement: Judgement): void {
  const context = { visited, judgement };
  for (const object of node.objects ?? []) {
    if (!("List" in object)) continue; // This is a TypeName, which judgeTypeName judges.
    const name = requireUnqualified(namesOf(object.List.items), "table", context);
    requireOwnName(name, context);
    judgement.tables.add(name);
  }
}

export function judgeRename(node: NodeOf<"RenameStmt">, visited: VisitedNode, judgement: Judgement): void {
  const context = { visited, judgement };
  const { renameType, newname = "" } = node;
  if (node.object !== undefined) judgeObjectName(node.object, context);
  if (renameType === "OBJECT_TYPE" || renameType === "OBJECT_DOMAIN") judgeNewTypeName(newname, visited, judgement);
  // A constraint's new name is checked like a table's, because the constraint's index has the same name.
  else if (renameType !== "OBJECT_COLUMN" && renameType !== "OBJECT_ATTRIBUTE") requireOwnName(newname, context);
}

/** Judges the type or domain that a statement names by a list of names. */
function judgeObjectName(object: Node, context: NameContext): void {
  judgeExistingType("List" in object ? object.List.items : [object], context);
}

export function judgeExistingType(nodes: readonly Node[] | undefined, context: NameContext): void {
  const name = requireUnqualified(namesOf(nodes), "type", context);
  context.judgement.schema.types.push(name);
  judgeNewTypeName(name, context.visited, context.judgement); // A built-in type can be neither made nor changed.
}

export function judgeConstraint(node: NodeOf<"Constraint">, visited: VisitedNode, judgement: Judgement): void {
  const context = { visited, judgement };
  requireOwnName(node.conname ?? "", context);
  requireOwnName(node.indexname ?? "", context);
  for (const exclusion of node.exclusions ?? []) {
    if (!("List" in exclusion)) continue;
    const operator = exclusion.List.items?.[1];
    if (operator !== undefined && "List" in operator)
      requireUnqualified(namesOf(operator.List.items), "operator", context);
  }
}

/** Judges the names in a statement that defines something: those of columns, tables and constraints, and the aliases in a view. */
export function judgeIdentifiers(visited: VisitedNode, judgement: Judgement): void {
  const node = visited.node as Partial<Record<(typeof IDENTIFIER_FIELDS)[number], unknown>>;
  for (const field of IDENTIFIER_FIELDS) {
    const name = node[field];
    if (typeof name === "string") requirePrintable(name, visited, judgement);
  }
  if (visited.type === "String" && isIdentifier(visited)) requirePrintable(visited.node.sval ?? "", visited, judgement);
}

/** Tells whether a String is a name. It is one unless it is a constant, an enum's label or an option's value. */
function isIdentifier({ parent, field }: VisitedNode): boolean {
  return parent?.type !== "A_Const" && parent?.type !== "DefElem" && field !== "vals";
}

function requirePrintable(name: string, visited: VisitedNode, judgement: Judgement): void {
  if (!CONTROL_CHARACTER.test(name)) return;
  throw judgement.refuse(visited, "STATEMENT_NOT_SUPPORTED", {
    message: `Control characters are not allowed in names: ${JSON.stringify(name)}`,
  });
}
