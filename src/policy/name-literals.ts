// Judges arguments that PostgreSQL reads as the name or the number of a sequence, a text search configuration or another object. Only a
// literal with one plain name is allowed there, because no later wall sees what a parameter, a number, a column or any other expression
// names. A text with COLLATE is refused too: PostgreSQL reads it like a literal.

import type { FuncCall, Node, TypeCast } from "@pgsql/types";

import type { VisitedNode } from "../sql/walk.ts";
import { startsWithDocument } from "./headline-document.ts";
import type { Judgement } from "./judgement.ts";
import { isSystemName, namesOf } from "./names.ts";
import type { PolicyRules } from "./policy-rules.ts";
import { NAME_ARGUMENTS } from "./tables/function-names.ts";

export const SEQUENCE_FUNCTIONS: ReadonlySet<string> = new Set(["nextval", "currval", "setval"]);

/** The words that messages use for an object whose name has this type. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ["regclass", "sequence"],
  ["regconfig", "text search configuration"],
]);

/** A plain or a quoted name. A number would be an object's OID, and a dot would follow a schema. */
const PLAIN_NAME = /^\s*(?:([\p{L}_\u0080-\u{10FFFF}][\p{L}\p{N}_$\u0080-\u{10FFFF}]*)|"((?:[^"]|"")+)")\s*$/u;

export function judgeNameArgument(call: FuncCall, visited: VisitedNode, judgement: Judgement): void {
  const type = nameTypeOf(call, judgement.rules);
  if (type === undefined) return;
  const [name = ""] = namesOf(call.funcname);
  const kind = KINDS.get(type) ?? "object";
  const text = literalOf(call.args?.[0], type);
  if (name === "ts_headline" && startsWithDocument(call, visited)) return;
  if (text === undefined)
    throw judgement.refuse(visited, "FUNCTION_NOT_ALLOWED", {
      message: `The ${kind} of ${name} must be a literal name`,
      hint: hintFor(name, type),
    });
  judgeNameText(text, kind, { visited, judgement });
}

function hintFor(name: string, type: string): string | undefined {
  if (type === "regclass") return "Write nextval('my_seq'), with the name in quotes and without a schema.";
  if (name === "ts_headline")
    return "Write ts_headline('english', …); when the first argument is the document, write document::text.";
  return type === "regconfig"
    ? `Write ${name}('english', …); when the parameter is the document, write $1::text.`
    : `Write ${name}('name', …), with one plain name in quotes.`;
}

/** Tells whether a type is that of `'name'::regclass` in a call of nextval, of `'name'::regconfig` in to_tsvector, and so on. */
export function isNameLiteral({ parent: cast }: VisitedNode, rules: PolicyRules): boolean {
  if (cast?.type !== "TypeCast" || cast.field !== "args" || cast.parent?.type !== "FuncCall") return false;
  const call = cast.parent.node;
  const [first] = call.args ?? [];
  const isFirst = first !== undefined && "TypeCast" in first && first.TypeCast === cast.node;
  return isFirst && literalOf(first, nameTypeOf(call, rules)) !== undefined;
}

/** Returns the type of the function's first argument if it is the name of an object, and undefined otherwise. */
function nameTypeOf({ funcname, args = [] }: FuncCall, { nameArguments }: PolicyRules): string | undefined {
  const [name = "", ...rest] = namesOf(funcname);
  if (rest.length > 0) return undefined;
  const known = Object.hasOwn(NAME_ARGUMENTS, name) ? NAME_ARGUMENTS[name] : nameArguments.get(name);
  return known !== undefined && args.length >= known.from ? known.type : undefined;
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

/** Returns the constant in a cast. A cast of a cast is not a literal. */
function uncast(cast: TypeCast): Node | undefined {
  return cast.arg !== undefined && "A_Const" in cast.arg ? cast.arg : undefined;
}

function isPlainCast({ typeName }: TypeCast, castType: string | undefined): boolean {
  const names = namesOf(typeName?.names);
  return names.length === 1 && names[0] === castType && typeName?.arrayBounds === undefined;
}
