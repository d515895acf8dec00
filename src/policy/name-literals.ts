// Texts that PostgreSQL reads as the name of a sequence or of a text search configuration: only a literal of one plain
// name may stand there, because no later wall sees what a parameter or an expression names.

import type { FuncCall, Node, TypeCast } from "@pgsql/types";

import type { VisitedNode } from "../sql/walk.ts";
import type { Judgement } from "./judgement.ts";
import { isSystemName, namesOf } from "./names.ts";

export const SEQUENCE_FUNCTIONS: ReadonlySet<string> = new Set(["nextval", "currval", "setval"]);

/** With so many arguments, the first of them is the configuration. */
const CONFIGURATION_FUNCTIONS: ReadonlyMap<string, number> = new Map([
  ["to_tsvector", 2],
  ["to_tsquery", 2],
  ["plainto_tsquery", 2],
  ["phraseto_tsquery", 2],
  ["websearch_to_tsquery", 2],
  ["json_to_tsvector", 3],
  ["jsonb_to_tsvector", 3],
  ["ts_headline", 3],
]);

/** A plain or a quoted name. A number would be an object's OID, a dot a schema. */
const PLAIN_NAME = /^\s*(?:([\p{L}_\u0080-\u{10FFFF}][\p{L}\p{N}_$\u0080-\u{10FFFF}]*)|"((?:[^"]|"")+)")\s*$/u;

export function judgeSequenceName(call: FuncCall, visited: VisitedNode, judgement: Judgement): void {
  const [argument] = call.args ?? [];
  const text = literalOf(argument, "regclass");
  if (text === undefined)
    throw judgement.refuse(visited, "FUNCTION_NOT_ALLOWED", {
      message: `The sequence of ${namesOf(call.funcname).join(".")} must be a literal name`,
      hint: "Write nextval('my_seq'), with the name in quotes and without a schema.",
    });
  judgeNameText(text, "sequence", { visited, judgement });
}

export function judgeConfiguration(call: FuncCall, visited: VisitedNode, judgement: Judgement): void {
  const [name = ""] = namesOf(call.funcname);
  const count = CONFIGURATION_FUNCTIONS.get(name);
  if (count === undefined) return;
  const args = call.args ?? [];
  const [first] = args;
  if (first === undefined || args.length < count) return;
  const text = literalOf(first, "regconfig");
  if (text !== undefined) judgeNameText(text, "text search configuration", { visited, judgement });
  else if ("ParamRef" in first || "NamedArgExpr" in first)
    throw judgement.refuse(visited, "FUNCTION_NOT_ALLOWED", {
      message: `The text search configuration of ${name} must be a literal name`,
      hint: `Write ${name}('english', …); when the parameter is the document, write $1::text.`,
    });
}

/** Whether this is the type of `'name'::regclass` in nextval, or of `'name'::regconfig` in to_tsvector. */
export function isNameLiteral({ parent: cast }: VisitedNode): boolean {
  if (cast?.type !== "TypeCast" || cast.field !== "args" || cast.parent?.type !== "FuncCall") return false;
  const call = cast.parent.node;
  const [first] = call.args ?? [];
  const isFirst = first !== undefined && "TypeCast" in first && first.TypeCast === cast.node;
  return isFirst && literalOf(first, nameTypeOf(call)) !== undefined;
}

/** The type of the function's first argument, when that is a name. */
function nameTypeOf({ funcname, args = [] }: FuncCall): string | undefined {
  const [name = "", ...rest] = namesOf(funcname);
  if (rest.length > 0) return undefined;
  if (SEQUENCE_FUNCTIONS.has(name)) return "regclass";
  return args.length >= (CONFIGURATION_FUNCTIONS.get(name) ?? Infinity) ? "regconfig" : undefined;
}

interface NameTextContext {
  readonly visited: VisitedNode;
  readonly judgement: Judgement;
}

function judgeNameText(text: string, kind: string, { visited, judgement }: NameTextContext): void {
  const [, plain, quoted] = PLAIN_NAME.exec(text) ?? [];
  const name = plain?.toLowerCase() ?? quoted?.replaceAll('""', '"');
  if (name === undefined)
    throw judgement.refuse(visited, "QUALIFIED_NAME", {
      message: `Qualified ${kind} names are not allowed: '${text}'`,
      hint: "Write one name, without a schema.",
    });
  if (isSystemName(name))
    throw judgement.refuse(visited, "SYSTEM_OBJECT", { message: `System table access is not allowed: '${name}'` });
}

function literalOf(node: Node | undefined, castType: string | undefined): string | undefined {
  if (node === undefined) return undefined;
  if ("A_Const" in node) return node.A_Const.sval === undefined ? undefined : (node.A_Const.sval.sval ?? "");
  if ("TypeCast" in node)
    return isPlainCast(node.TypeCast, castType) ? literalOf(uncast(node.TypeCast), castType) : undefined;
  return undefined;
}

/** A cast of a cast is no literal. */
function uncast(cast: TypeCast): Node | undefined {
  return cast.arg !== undefined && "A_Const" in cast.arg ? cast.arg : undefined;
}

function isPlainCast({ typeName }: TypeCast, castType: string | undefined): boolean {
  const names = namesOf(typeName?.names);
  return names.length === 1 && names[0] === castType && typeName?.arrayBounds === undefined;
}
