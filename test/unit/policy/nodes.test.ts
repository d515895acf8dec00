import { describe, expect, it } from "vitest";
import { ALLOWED_NODES } from "../../../src/policy/tables/allowed-nodes.ts";
import {
  NEVER_PARSED,
  REFUSED_CLAUSES,
  REFUSED_PARTS,
  REFUSED_STATEMENTS,
} from "../../../src/policy/tables/refused-nodes.ts";
import { STATEMENT_TYPES } from "../../../src/policy/tables/statement-types.ts";
import { NODE_FIELDS } from "../../../src/sql/parse-tree-schema.ts";

// These are answers of the parser's own functions. The schema lists them beside the nodes of a tree.
const NO_NODES = new Set(["Table", "Function", "FilterColumn"]);
const NODE_TYPES = Object.keys(NODE_FIELDS).filter((type) => !NO_NODES.has(type));

const decided: readonly (readonly string[])[] = [
  Object.keys(ALLOWED_NODES),
  Object.keys(REFUSED_STATEMENTS),
  Object.keys(REFUSED_PARTS),
  NEVER_PARSED,
];

describe("the tables of nodes", () => {
  it.each(NODE_TYPES)("either allow or refuse the node %s, and not both", (type) => {
    expect(decided.filter((table) => table.includes(type))).toHaveLength(1);
  });

  it("list only nodes that the grammar has", () => {
    expect(decided.flat().filter((type) => !NODE_TYPES.includes(type))).toEqual([]);
  });

  it.each(Object.entries(ALLOWED_NODES))("allow only fields that the node %s has", (type, fields) => {
    expect([...fields.keys()].filter((field) => !(field in (NODE_FIELDS[type] ?? {})))).toEqual([]);
  });

  it.each(Object.keys(REFUSED_CLAUSES))("name a refused clause by a field that the grammar has: %s", (path) => {
    const [type = "", field = ""] = path.split(".");
    expect(NODE_FIELDS[type]).toHaveProperty(field);
    expect(ALLOWED_NODES[type as keyof typeof ALLOWED_NODES]?.get(field) ?? new Set()).toBeInstanceOf(Set);
  });

  it("allow every statement type that has an operation", () => {
    expect(Object.keys(STATEMENT_TYPES).filter((type) => !(type in ALLOWED_NODES))).toEqual([]);
  });
});
