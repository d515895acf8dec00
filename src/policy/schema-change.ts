// Finds out what a statement makes, changes or drops in the tenant's schema, as far as its text shows it. This must be known before the
// statement runs, so that no statement fills the server's lock table.

import type { Constraint } from "@pgsql/types";

import type { NodeOf, NodeType, VisitedNode } from "../sql/walk.ts";
import type { SchemaChange } from "./approved-statement.ts";
import type { Judgement, SchemaNotes } from "./judgement.ts";
import { namesOf } from "./names.ts";

/** Constraints for which PostgreSQL makes an index or a sequence. */
const MAKING_CONSTRAINTS: ReadonlySet<Constraint["contype"]> = new Set<Constraint["contype"]>([
  ...(["CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION", "CONSTR_IDENTITY"] as const),
]);
const SERIAL = /^(?:small|big)?serial[248]?$/;
/** Actions of ALTER TABLE that may drop something. A change of a column's type drops what depends on the column and makes it again. */
const DROPPING = /^AT_(?:Drop|AlterColumnType)/;

type Note<Type extends NodeType> = (node: NodeOf<Type>, schema: SchemaNotes, parent: NodeType | undefined) => void;

const noteMade = (_: unknown, schema: SchemaNotes): void => void (schema.makes += 1);
const noteDropped = (_: unknown, schema: SchemaNotes): void => void (schema.drops = true);

const NOTES: { readonly [Type in NodeType]?: Note<Type> } = {
  CreateStmt: noteMade,
  IndexStmt: noteMade,
  ViewStmt: noteMade,
  CreateSeqStmt: noteMade,
  // SELECT INTO, CREATE TABLE AS and CREATE MATERIALIZED VIEW have an INTO clause.
  IntoClause: noteMade,
  DropStmt: noteDropped,
  AlterDomainStmt: noteDropped,
  AlterTableCmd: ({ subtype = "" }, schema) => {
    if (DROPPING.test(subtype)) schema.drops = true;
  },
  Constraint: ({ contype }, schema) => {
    if (MAKING_CONSTRAINTS.has(contype)) schema.makes += 1;
  },
  TypeName: ({ names }, schema, parent) => {
    const [name = "", ...more] = namesOf(names);
    if (parent === "DropStmt") schema.types.push(name);
    else if (more.length === 0 && SERIAL.test(name)) schema.makes += 1;
  },
  DefElem: ({ defname }, schema, parent) => {
    if (defname === "owned_by" && parent === "AlterSeqStmt") schema.disowns = true;
  },
  PartitionCmd: ({ name, bound }, schema) => {
    schema.partition = { name: name?.relname ?? "", isAttached: bound !== undefined };
  },
};

/** Notes what this node makes or drops. */
export function noteSchemaChange({ type, node, parent }: VisitedNode, { schema }: Judgement): void {
  // The type of NOTES ensures that each note takes its own node. TypeScript cannot express that for a look-up by a union type.
  const note = NOTES[type] as Note<NodeType> | undefined;
  note?.(node as never, schema, parent?.type);
}

/** Statements that make something and change nothing that existed before. */
const ONLY_MAKING: ReadonlySet<NodeType> = new Set<NodeType>([
  ...(["ViewStmt", "CreateSeqStmt", "SelectStmt", "CreateTableAsStmt"] as const),
  ...(["CreateEnumStmt", "CompositeTypeStmt", "CreateDomainStmt"] as const),
]);

/** Statements that leave the schema as it is, although TRUNCATE needs DROP, and EXPLAIN the permissions of the statement inside. */
const LEAVING: ReadonlySet<NodeType> = new Set<NodeType>(["TruncateStmt", "ExplainStmt"]);

/** Returns the change, and undefined for a statement that leaves the schema as it is. */
export function schemaChangeOf(judgement: Judgement): SchemaChange | undefined {
  const { root, permissions } = judgement;
  const changes = permissions.has("CREATE") || permissions.has("ALTER") || permissions.has("DROP");
  if (!changes || root === undefined || LEAVING.has(root.visited.type)) return undefined;
  const { makes, drops, disowns } = judgement.schema;
  return { ...reachOf(root.visited.type, judgement), drops, disowns, makes };
}

function reachOf(type: NodeType, { tables, schema }: Judgement): Pick<SchemaChange, "objects" | "copied"> {
  const names = [...tables];
  const { partition, types } = schema;
  if (partition !== undefined) {
    const others = names.filter((name) => name !== partition.name);
    return { objects: [partition.name], copied: partition.isAttached ? others : [] };
  }
  if (type === "CreateStmt") return { objects: [], copied: names };
  return { objects: ONLY_MAKING.has(type) ? [] : [...names, ...types], copied: [] };
}
