// Counts the steps that the constants of a statement make PostgreSQL take inside one C function that no cancel interrupts. For
// example, translate compares each character of a text with each character of a set. PostgreSQL computes constants while it plans, so
// even EXPLAIN takes these steps. The size of a column or a parameter is not known here. For those, the pool keeps account of the
// backends that it had to cut off.

import type { A_Expr, FuncCall, Node, TypeCast } from "@pgsql/types";

import { type NameContext, namesOf } from "./names.ts";
import {
  MAX_UNINTERRUPTIBLE_STEPS,
  PAIRWISE_FUNCTIONS,
  PAIRWISE_OPERATORS,
  SIZE_OF_TEXT,
  SQUARE_FUNCTIONS,
} from "./tables/uninterruptible.ts";

/** Assumed size of an operator's side that is not a constant. It is small, because a long list of constants beside a column is common. */
const SIZE_OF_OPERAND = 1_000;
/** One point of a polygon counts as this many characters, so that comparing two points counts as 256 comparisons of characters. */
const SIZE_OF_POINT = 16;
/** Number of levels below an argument in which the judge looks for constants. */
const MAX_DEPTH = 60;
/** The operators that read a text on their right side as a tsquery. */
const SEARCH_OPERATORS: ReadonlySet<string> = new Set(["@@", "@@@"]);

/** Counts the steps of a call. @throws GatewayError PARSE_ERROR: TOO_COMPLEX when there are too many. */
export function judgeCallSize(call: FuncCall, context: NameContext): void {
  const name = namesOf(call.funcname).at(-1) ?? "";
  const args = call.args ?? [];
  if (PAIRWISE_FUNCTIONS.has(name)) addProduct(name, [args[0], args[1], SIZE_OF_TEXT], context);
  else if (SQUARE_FUNCTIONS.has(name)) {
    const sizes = name === "polygon" ? [sizeOfCall(call, MAX_DEPTH)] : args.map((arg) => sizeOf(arg, MAX_DEPTH));
    addSteps(name, Math.max(0, ...sizes) ** 2, context);
  }
}

/** Counts the steps of an operator. @throws GatewayError PARSE_ERROR: TOO_COMPLEX when there are too many. */
export function judgeOperandSizes({ name, lexpr, rexpr }: A_Expr, context: NameContext): void {
  const operator = namesOf(name).at(-1) ?? "";
  if (PAIRWISE_OPERATORS.has(operator)) addProduct(operator, [lexpr, rexpr, SIZE_OF_OPERAND], context);
  else if (SEARCH_OPERATORS.has(operator)) addSteps(operator, sizeOf(rexpr, MAX_DEPTH) ** 2, context);
}

/** Counts the steps of a cast to tsquery. @throws GatewayError PARSE_ERROR: TOO_COMPLEX when there are too many. */
export function judgeCastSize({ arg, typeName }: TypeCast, context: NameContext): void {
  if (namesOf(typeName?.names).at(-1) === "tsquery") addSteps("tsquery", sizeOf(arg, MAX_DEPTH) ** 2, context);
}

type Pair = readonly [one: Node | undefined, other: Node | undefined, sizeOfData: number];

function addProduct(name: string, [one, other, sizeOfData]: Pair, context: NameContext): void {
  const sizes = [sizeOf(one, MAX_DEPTH), sizeOf(other, MAX_DEPTH)] as const;
  if (sizes[0] > 0 && sizes[1] > 0) addSteps(name, sizes[0] * sizes[1], context);
  else requireFewSteps(name, Math.max(...sizes) * sizeOfData, context);
}

function addSteps(name: string, steps: number, context: NameContext): void {
  context.judgement.uninterruptibleSteps += steps;
  requireFewSteps(name, context.judgement.uninterruptibleSteps, context);
}

function requireFewSteps(name: string, steps: number, { visited, judgement }: NameContext): void {
  if (steps <= MAX_UNINTERRUPTIBLE_STEPS) return;
  throw judgement.refuse(visited, "TOO_COMPLEX", {
    message: `The constants in the arguments of ${name} are too large`,
    hint: "PostgreSQL could not cancel the statement while it compares each part of one with each part of the other. Use smaller ones.",
  });
}

/** Returns the number of characters, elements or points that a value has by its constants. Returns 0 if no constant shows it. */
function sizeOf(value: unknown, depth: number): number {
  if (depth <= 0 || typeof value !== "object" || value === null) return 0;
  if ("ColumnRef" in value || "ParamRef" in value) return 0;
  if ("A_Const" in value) return sizeOfConstant((value as Extract<Node, { A_Const: unknown }>).A_Const);
  if ("FuncCall" in value) return sizeOfCall((value as Extract<Node, { FuncCall: unknown }>).FuncCall, depth);
  let sum = 0;
  const fields = value as Readonly<Record<string, unknown>>;
  for (const field in fields) sum += sizeOf(fields[field], depth - 1);
  return sum;
}

function sizeOfConstant({ sval, bsval }: Extract<Node, { A_Const: unknown }>["A_Const"]): number {
  return (sval?.sval ?? bsval?.bsval ?? "").length;
}

function sizeOfCall(call: FuncCall, depth: number): number {
  const [first, second] = call.args ?? [];
  const ofArguments = (): number => sizeOf(call.args ?? [], depth - 1);
  switch (namesOf(call.funcname).at(-1) ?? "") {
    case "repeat":
      return Math.max(1, sizeOf(first, depth - 1)) * numberIn(second);
    case "lpad":
    case "rpad":
      return Math.max(numberIn(second), ofArguments());
    case "array_fill":
      return productOf(second) * Math.max(1, sizeOf(first, depth - 1));
    case "polygon":
      return second === undefined ? ofArguments() : numberIn(first) * SIZE_OF_POINT;
    default:
      return ofArguments();
  }
}

/**
 * Returns the number that a constant holds, also if it is written as a text or has a cast. Returns 0 for a negative number and for a
 * text that is no number, and 1 if the node is not a constant.
 */
function numberIn(node: Node | undefined): number {
  if (node === undefined) return 1;
  if ("TypeCast" in node) return numberIn(node.TypeCast.arg);
  if (!("A_Const" in node)) return 1;
  const { ival, fval, sval } = node.A_Const;
  if (ival !== undefined) return Math.max(0, ival.ival ?? 0);
  const number = Number(fval?.fval ?? sval?.sval);
  return number > 0 ? number : 0;
}

/** Returns the number of elements of an array with these dimensions. */
function productOf(dimensions: Node | undefined): number {
  if (dimensions === undefined) return 1;
  if ("TypeCast" in dimensions) return productOf(dimensions.TypeCast.arg);
  if (!("A_ArrayExpr" in dimensions)) return 1;
  return (dimensions.A_ArrayExpr.elements ?? []).reduce((product, element) => product * numberIn(element), 1);
}
