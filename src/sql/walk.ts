// Visits every node of a parse tree and misses none. A node, field or value that the schema does not know is refused, so that what a
// later grammar adds stays closed until somebody has reviewed it. This file judges nothing itself.

import type { Node } from "@pgsql/types";

import { type GatewayError, refusal } from "../base/errors.ts";
import { ENUM_VALUES, NODE_FIELDS } from "./parse-tree-schema.ts";

/** The name of a node type: `SelectStmt`, `RangeVar`, `FuncCall`, … */
export type NodeType = Node extends infer Each ? (Each extends unknown ? keyof Each & string : never) : never;

/** The fields of a node of the given type. */
export type NodeOf<Type extends NodeType> = Extract<Node, Record<Type, unknown>>[Type];

/** One node and its place in the tree. Narrow it by `type`: `if (visited.type === "RangeVar") visited.node.relname`. */
export type VisitedNode = {
  [Type in NodeType]: {
    readonly type: Type;
    readonly node: NodeOf<Type>;
    /** The field of the parent that holds this node, directly or in a list. Undefined at the root. */
    readonly field: string | undefined;
    /** The parent, which links to its own parent and so up to the root, for rules that depend on the place of a node. */
    readonly parent: VisitedNode | undefined;
  };
}[NodeType];

/** Bounds the work of every walk. A list of 5,000 numbers has 10,000 nodes. */
const MAX_NODES = 50_000;

/**
 * Calls `visit` for each node, parents before children, children in the order of the tree. Statically typed fields
 * (`InsertStmt.relation` is a bare RangeVar without a key) are visited with their type like all others.
 *
 * @throws GatewayError PARSE_ERROR: TOO_COMPLEX for more than 50,000 nodes, STATEMENT_NOT_SUPPORTED for a node type, a
 * field or an enum value that the schema does not know.
 */
export function visitTree(root: Node, visit: (visited: VisitedNode) => void): void {
  const pending = new PendingNodes(root);
  let count = 0;
  for (let visited = pending.take(); visited !== undefined; visited = pending.take()) {
    if (++count > MAX_NODES) throw refusal("TOO_COMPLEX", "Query is too complex");
    pending.addChildren(visited); // This comes first, so that `visit` never sees a node that the schema does not know.
    visit(visited);
  }
}

type FieldKind =
  | { readonly kind: "scalar"; readonly type: string }
  | { readonly kind: "enum"; readonly values: ReadonlySet<unknown> }
  | { readonly kind: "node" }
  | { readonly kind: "list" }
  | { readonly kind: "typed"; readonly type: string };

type NodeSchema = ReadonlyMap<string, FieldKind>;

let schemaCache: ReadonlyMap<string, NodeSchema> | undefined;

function loadSchema(): ReadonlyMap<string, NodeSchema> {
  schemaCache ??= new Map(
    Object.entries(NODE_FIELDS).map(([type, fields]) => [
      type,
      new Map(Object.entries(fields).map(([field, declared]) => [field, toFieldKind(declared)])),
    ]),
  );
  return schemaCache;
}

function toFieldKind(declared: string): FieldKind {
  const values = ENUM_VALUES[declared];
  if (values !== undefined) return { kind: "enum", values: new Set(values) };
  if (declared === "Node") return { kind: "node" };
  if (declared === "Node[]") return { kind: "list" };
  if (declared in NODE_FIELDS) return { kind: "typed", type: declared };
  return { kind: "scalar", type: declared };
}

/** An explicit stack. Recursion would overflow on a tree that is 5,000 levels deep. */
class PendingNodes {
  readonly #schema = loadSchema();
  readonly #stack: VisitedNode[] = [];
  #parent: VisitedNode | undefined;
  #field: string | undefined;

  constructor(root: Node) {
    this.#addWrapped(root);
  }

  take(): VisitedNode | undefined {
    return this.#stack.pop();
  }

  addChildren(parent: VisitedNode): void {
    const fields = this.#schema.get(parent.type);
    if (fields === undefined) throw unknownSyntax(parent.type);
    const start = this.#stack.length;
    this.#parent = parent;
    const node = parent.node as Readonly<Record<string, unknown>>;
    for (const field in node) {
      const known = fields.get(field);
      if (known === undefined) throw unknownSyntax(`${parent.type}.${field}`);
      this.#field = field;
      this.#addField(known, node[field]);
    }
    reverseFrom(this.#stack, start); // The stack returns the last child first.
  }

  #addField(known: FieldKind, value: unknown): void {
    switch (known.kind) {
      case "node":
        this.#addWrapped(value);
        return;
      case "list":
        if (!Array.isArray(value)) throw this.#unknownValue();
        for (const item of value) this.#addWrapped(item);
        return;
      case "typed":
        this.#addNode(known.type, value);
        return;
      case "enum":
        if (!known.values.has(value)) throw this.#unknownValue();
        return;
      case "scalar":
        if (typeof value !== known.type) throw this.#unknownValue();
    }
  }

  /** Skips an empty wrapper, which stands for nothing. A plain DISTINCT is a list with one of them. */
  #addWrapped(wrapper: unknown): void {
    if (!isObject(wrapper)) throw this.#unknownValue();
    for (const type in wrapper) this.#addNode(type, wrapper[type]);
  }

  #addNode(type: string, node: unknown): void {
    if (!isObject(node)) throw this.#unknownValue();
    // Only here does the parser's JSON become a typed node. The schema is generated from the same types.
    this.#stack.push({ type, node, field: this.#field, parent: this.#parent } as unknown as VisitedNode);
  }

  #unknownValue(): GatewayError {
    return unknownSyntax(`${this.#parent?.type ?? "statement"}.${this.#field ?? ""}`);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Reverses in place, because this runs for each node. */
function reverseFrom(nodes: VisitedNode[], start: number): void {
  for (let low = start, high = nodes.length - 1; low < high; low += 1, high -= 1) {
    const [first, last] = [nodes[low], nodes[high]];
    if (first === undefined || last === undefined) return;
    nodes[low] = last;
    nodes[high] = first;
  }
}

function unknownSyntax(what: string): GatewayError {
  return refusal("STATEMENT_NOT_SUPPORTED", `Unsupported syntax: ${what}`);
}
