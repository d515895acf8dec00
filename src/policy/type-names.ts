// Decides which types a statement may name, in any place: casts, columns, column definition lists, JSON_TABLE, … Types that read names
// from the catalogs are refused by name, because regclass of a number prints every tenant's tables and needs no privilege. A type that is
// not built in is a type of the tenant's own schema or of an admitted extension.

import type { TypeName } from "@pgsql/types";

import type { VisitedNode } from "../sql/walk.ts";
import { BUILTIN_TYPE_NAMES } from "./tables/function-names.ts";
import type { Judgement } from "./judgement.ts";
import { isCatalogSpelledOut, isSystemName, namesOf, OWN_TABLES_HINT, requireUnqualified } from "./names.ts";
import { isNameLiteral } from "./name-literals.ts";

export const ALLOWED_BUILTIN_TYPES: ReadonlySet<string> = new Set([
  ...["bit", "bool", "box", "bpchar", "bytea", "char", "cid", "cidr", "circle", "date", "datemultirange", "daterange"],
  ...["float4", "float8", "inet", "int2", "int4", "int4multirange", "int4range", "int8", "int8multirange", "int8range"],
  ...["interval", "json", "jsonb", "jsonpath", "line", "lseg", "macaddr", "macaddr8", "money", "name", "numeric"],
  ...["nummultirange", "numrange", "oid", "path", "point", "polygon", "record", "text", "tid", "time", "timestamp"],
  ...["timestamptz", "timetz", "tsmultirange", "tsquery", "tsrange", "tstzmultirange", "tstzrange", "tsvector"],
  ...["uuid", "varbit", "varchar", "xid", "xid8"],
]);

const BUILTIN_TYPES: ReadonlySet<string> = new Set(BUILTIN_TYPE_NAMES);

/**
 * The types of the family `reg…`, and the names that later versions may add. The names are written out, so that a tenant may have a type
 * such as `region`.
 */
const REG_TYPE =
  /^_?reg(class|collation|config|database|dictionary|namespace|oper|operator|opclass|opfamily|proc|procedure|role|type|language|tablespace|schema|server|publication|subscription)$/;

/** Types that the grammar itself names as `pg_catalog.…` for a keyword: INTEGER, VARCHAR, TIMESTAMP WITH TIME ZONE, … */
const KEYWORD_TYPES: ReadonlySet<string> = new Set([
  ...["bit", "bool", "bpchar", "float4", "float8", "int2", "int4", "int8", "interval", "json", "numeric", "time"],
  ...["timestamp", "timestamptz", "timetz", "varbit", "varchar"],
]);

export function isRefusedType(name: string): boolean {
  if (ALLOWED_BUILTIN_TYPES.has(name)) return false;
  if (REG_TYPE.test(name) || isSystemName(name) || name.startsWith("_pg_")) return true;
  return isRefusedBuiltinType(name);
}

/** Tells whether the name in `(value).name` is that of a refused type. The prefix `pg_` alone is no reason, because a column may have it. */
export function isRefusedTypeAsColumn(name: string): boolean {
  return REG_TYPE.test(name) || name.startsWith("_pg_") || isRefusedBuiltinType(name);
}

function isRefusedBuiltinType(name: string): boolean {
  const element = name.startsWith("_") ? name.slice(1) : name;
  return BUILTIN_TYPES.has(element) && !ALLOWED_BUILTIN_TYPES.has(element);
}

/**
 * Tells whether a type of this name is built in. A tenant's type of the same name could not be reached, because PostgreSQL searches
 * pg_catalog first, and it would be a trap in dumps.
 */
function isBuiltinType(name: string): boolean {
  return BUILTIN_TYPES.has(name) || (name.startsWith("_") && BUILTIN_TYPES.has(name.slice(1)));
}

export function judgeTypeName(node: TypeName, visited: VisitedNode, judgement: Judgement): void {
  const parts = namesOf(node.names);
  if (isKeywordType(parts) && !isCatalogSpelledOut(node.location, judgement)) return;
  const name = requireUnqualified(parts, "type", { visited, judgement });
  // An extension may have a type with the name of a refused one. Without a schema, that name means PostgreSQL's own type.
  if (judgement.rules.types.has(name) && !isRefusedTypeAsColumn(name)) return;
  const isRefused = isRefusedType(name) || judgement.rules.refusedTypes.has(name);
  if (isRefused && !isNameLiteral(visited, judgement.rules)) throw refuseType(name, { visited, judgement });
  if (judgement.rules.kind === "admin" && !isBuiltinType(name)) throw refuseType(name, { visited, judgement });
}

function isKeywordType([schema, name = "", ...rest]: readonly string[]): boolean {
  return schema === "pg_catalog" && rest.length === 0 && KEYWORD_TYPES.has(name);
}

/** Judges the name of a type or a domain in CREATE, ALTER or RENAME. Names of built-in and refused types are refused. */
export function judgeNewTypeName(name: string, visited: VisitedNode, judgement: Judgement): void {
  const isTaken = isRefusedType(name) || isBuiltinType(name) || judgement.rules.refusedTypes.has(name);
  if (isTaken) throw refuseType(name, { visited, judgement });
}

function hintForType(name: string): string | undefined {
  if (REG_TYPE.test(name)) return OWN_TABLES_HINT;
  return name === "xml" || name === "_xml" ? "Use json or jsonb." : undefined;
}

function refuseType(name: string, context: { visited: VisitedNode; judgement: Judgement }) {
  return context.judgement.refuse(context.visited, "SYSTEM_OBJECT", {
    message: `Type is not allowed: '${name}'`,
    hint: hintForType(name),
  });
}
