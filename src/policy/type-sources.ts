// Finds out what the types of a statement's parameters depend on, besides the text. PostgreSQL infers the type of `$1` from its
// surroundings: in `$1::int` from the text alone, in `age = $1` from a column that somebody else may alter. A statement that is kept
// prepared keeps the types that were inferred first. This file collects the facts, and execution/type-guards.ts uses them.

import type { FuncCall, Node, RangeFunction } from "@pgsql/types";

import type { VisitedNode } from "../sql/walk.ts";
import type { TypeSources } from "./approved-statement.ts";
import { BUILTIN_TYPE_NAMES } from "./tables/function-names.ts";

const BUILTIN_TYPES: ReadonlySet<string> = new Set(BUILTIN_TYPE_NAMES);
/** LIMIT and OFFSET always take a bigint. */
const BIGINT_FIELDS: ReadonlySet<string | undefined> = new Set(["limitCount", "limitOffset"]);
const CATALOG = "pg_catalog";

/** Functions of PostgreSQL that return rows of the composite type of their argument. */
const COMPOSITE_FUNCTIONS: ReadonlySet<string> = new Set([
  ...["unnest", "json_populate_record", "json_populate_recordset", "jsonb_populate_record", "jsonb_populate_recordset"],
]);

export class TypeSourceFinder {
  /** True if the relations or types around some parameter decide its type. */
  #isInferred = false;
  #isCast = false;
  #usesFunctions = false;
  #isHidden = false;
  readonly #types = new Set<string>();

  visitParameter({ parent, field }: VisitedNode): void {
    if (parent === undefined || BIGINT_FIELDS.has(field)) return;
    if (parent.type === "TypeCast") this.#isCast ||= ownTypeOf(parent.node.typeName?.names) !== undefined;
    else if (parent.type === "FuncCall") this.#visitArgument(parent.node);
    else this.#isInferred = true;
    if (parent.type === "RowExpr") this.#isHidden ||= !isComparedByColumns(parent);
  }

  #visitArgument(call: FuncCall): void {
    this.#usesFunctions = true;
    this.#isInferred ||= !isSimpleCall(call);
  }

  visitTypeName(names: readonly Node[] | undefined): void {
    const name = ownTypeOf(names);
    if (name !== undefined) this.#types.add(name);
  }

  /** Notes `(value).field`, `(value).*`, and a field that an INSERT or an UPDATE sets, but not `array[1]`. */
  visitIndirection(steps: readonly Node[] | undefined): void {
    for (const step of steps ?? []) if ("String" in step || "A_Star" in step) this.#isHidden = true;
  }

  visitFunctionInFrom({ functions = [], coldeflist }: RangeFunction): void {
    this.#usesFunctions = true;
    this.#isHidden ||= coldeflist === undefined && functions.some(mayReturnComposite);
  }

  /** Returns what the types depend on, and undefined if the text alone decides all types. */
  find(tables: readonly string[]): TypeSources | undefined {
    if (!this.#isInferred && !this.#isCast && !this.#usesFunctions) return undefined;
    return {
      relations: this.#isInferred ? tables : [],
      types: this.#isInferred || this.#isCast ? [...this.#types].sort() : [],
      usesFunctions: this.#usesFunctions,
      isTraceable: !(this.#isInferred && this.#isHidden),
    };
  }
}

function partsOf(names: readonly Node[] | undefined): readonly string[] {
  return (names ?? []).map((node) => ("String" in node ? (node.String.sval ?? "") : ""));
}

/** Returns the name of a type that may be a tenant's or an extension's, and undefined for a built-in type. */
function ownTypeOf(names: readonly Node[] | undefined): string | undefined {
  const [name = "", ...rest] = partsOf(names);
  if (rest.length > 0) return name === CATALOG ? undefined : rest.at(-1);
  return BUILTIN_TYPES.has(name) ? undefined : name;
}

/** Tells whether no column decides which function of the name is called. */
function isSimpleCall({ args = [] }: FuncCall): boolean {
  return args.every((arg) => isConstant(arg) || ("TypeCast" in arg && isConstant(arg.TypeCast.arg)));
}

function isConstant(node: Node | undefined): boolean {
  return node !== undefined && ("A_Const" in node || "ParamRef" in node);
}

/**
 * Tells whether each parameter of a row has the type of its column, as in `(a, b) = ($1, $2)`, `(a, b) IN (($1, $2))` and
 * `SET (a, b) = ($1, $2)`.
 */
function isComparedByColumns({ parent }: VisitedNode): boolean {
  const place = parent?.type === "List" ? parent.parent : parent;
  if (place?.type === "MultiAssignRef") return true;
  return place?.type === "A_Expr" && isRow(place.node.lexpr) && (isRow(place.node.rexpr) || isList(place.node.rexpr));
}

function isRow(node: Node | undefined): boolean {
  return node !== undefined && "RowExpr" in node;
}

function isList(node: Node | undefined): boolean {
  return node !== undefined && "List" in node;
}

/** Tells whether a function in FROM may return a composite type. It is the first item of a list; the types of its columns follow. */
function mayReturnComposite(entry: Node): boolean {
  const [call] = "List" in entry ? (entry.List.items ?? []) : [];
  if (call === undefined || !("FuncCall" in call)) return false;
  const { funcname, args = [] } = call.FuncCall;
  return COMPOSITE_FUNCTIONS.has(partsOf(funcname)[0] ?? "") && !args.every(isOfBuiltinType);
}

function isOfBuiltinType(node: Node): boolean {
  return isConstant(node) || ("TypeCast" in node && ownTypeOf(node.TypeCast.typeName?.names) === undefined);
}
