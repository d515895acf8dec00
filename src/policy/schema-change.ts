// How far a statement reaches into the tenant's schema, as far as its text tells: what it makes, and what it changes or drops.
// In charge of what must be known before it runs, so that no statement fills the server's lock table.

import type { Constraint } from "@pgsql/types";

import type { NodeOf, NodeType, VisitedNode } from "../sql/walk.ts";
import type { SchemaChange } from "./approved-statement.ts";
import type { Judgement, SchemaNotes } from "./judgement.ts";
import { namesOf } from "./names.ts";

/** Constraints that bring an index, or a sequence. */
const MAKING_CONSTRAINTS: ReadonlySet<Constraint["contype"]> = new Set<Constraint["contype"]>([
  ...(["CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION", "CONSTR_IDENTITY"] as const),
]);
const SERIAL = /^(?:small|big)?serial[248]?$/;
/** Of ALTER TABLE; a change of type makes anew what depends on the column. */
const DROPPING = /^AT_(?:Drop|AlterColumnType)/;

type Note<Type extends NodeType> = (node: NodeOf<Type>, schema: SchemaNotes, parent: NodeType | undefined) => void;

const noteMade = (_: unknown, schema: SchemaNotes): void => void (schema.makes += 1);
const noteDropped = (_: unknown, schema: SchemaNotes): void => void (schema.drops = true);

const NOTES: { readonly [Type in NodeType]?: Note<Type> } = {
  CreateStmt: noteMade,
  IndexStmt: noteMade,
  ViewStmt: noteMade,
  CreateSeqStmt: noteMade,
  // SELECT INTO, CREATE TABLE AS and CREATE MATERIALIZED VIEW have one.
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
  // The table's types hold that each note takes its own node; a lookup by a union cannot express it.
  const note = NOTES[type] as Note<NodeType> | undefined;
  note?.(node as never, schema, parent?.type);
}

/** Statements that change nothing which was there before. */
const ONLY_MAKING: ReadonlySet<NodeType> = new Set<NodeType>([
  ...(["ViewStmt", "CreateSeqStmt", "SelectStmt", "CreateTableAsStmt"] as const),
  ...(["CreateEnumStmt", "CompositeTypeStmt", "CreateDomainStmt"] as const),
]);

/** They leave the schema as it is, though one needs DROP and the other what it explains. */
const LEAVING: ReadonlySet<NodeType> = new Set<NodeType>(["TruncateStmt", "ExplainStmt"]);

/** Undefined for a statement that leaves the schema as it is. */
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
