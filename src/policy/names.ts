// Names of relations, types and what else has a schema: none may be qualified, none may be PostgreSQL's own. Columns,
// aliases and strings may be called anything.

import type { Node } from "@pgsql/types";

import type { VisitedNode } from "../sql/walk.ts";
import type { Judgement } from "./judgement.ts";

/** The texts of a list of String nodes, as names are parsed. */
export function namesOf(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).map((node) => ("String" in node ? (node.String.sval ?? "") : "*"));
}

export const OWN_TABLES_HINT =
  "SELECT * FROM postgate_helpers.list_tables() and postgate_helpers.describe_table('name') show your own tables.";

/** The name without its schema. @throws QUALIFIED_NAME where there is one. */
export function requireUnqualified(parts: readonly string[], kind: string, context: NameContext): string {
  const [name = ""] = parts;
  if (parts.length <= 1) return name;
  const full = parts.join(".");
  throw context.judgement.refuse(context.visited, "QUALIFIED_NAME", {
    message: `Qualified ${kind} names are not allowed: '${full}'`,
    hint: isCatalog(parts) ? OWN_TABLES_HINT : `Write it without the schema: ${parts.at(-1) ?? ""}`,
  });
}

/** Without its schema, there would be nothing of this name. */
function isCatalog([schema, name = ""]: readonly string[]): boolean {
  return schema === "information_schema" || (schema === "pg_catalog" && name.startsWith("pg_"));
}

const MAY_SPELL_CATALOG = /pg_catalog|u&"/i;
const SPELLED_NAME = /^(?:pg_catalog|"|u&")/i;
const LONGEST_SPELLING_BYTES = 10;
const NO_TEXT = Buffer.alloc(0);

/**
 * Whether the caller wrote the schema of a `pg_catalog.…` name. The tree of `1::integer` is that of `1::pg_catalog.int4`; the
 * text at its place tells them apart.
 */
export function isCatalogSpelledOut(location: number | undefined, judgement: Judgement): boolean {
  const { text } = judgement.statement;
  // Once a statement, which may have thousands of types.
  judgement.textWithCatalog ??= MAY_SPELL_CATALOG.test(text) ? Buffer.from(text) : NO_TEXT;
  if (location === undefined || location < 0) return false;
  const written = judgement.textWithCatalog.toString("latin1", location, location + LONGEST_SPELLING_BYTES);
  return SPELLED_NAME.test(written);
}

export interface NameContext {
  readonly visited: VisitedNode;
  readonly judgement: Judgement;
}

/** pg_catalog is searched first: one of its tables could replace a tenant's of the same name in a later version. */
export function isSystemName(name: string): boolean {
  return name.startsWith("pg_") || name === "information_schema";
}

const METADATA_TABLES: ReadonlySet<string> = new Set(["postgate_databases", "postgate_tokens"]);

/** @throws SYSTEM_OBJECT for a relation, index, sequence or constraint that a tenant cannot name or create. */
export function requireOwnName(name: string, { visited, judgement }: NameContext): void {
  const isMetadata = judgement.rules.kind === "tenant" && METADATA_TABLES.has(name);
  if (!isSystemName(name) && !isMetadata) return;
  throw judgement.refuse(visited, "SYSTEM_OBJECT", {
    message: `System table access is not allowed: '${name}'`,
    hint: isMetadata ? undefined : OWN_TABLES_HINT,
  });
}

/** On the admin database there is nothing else to read or write. */
export function requireMetadataTable(name: string, { visited, judgement }: NameContext): void {
  if (METADATA_TABLES.has(name)) return;
  throw judgement.refuse(visited, "SYSTEM_OBJECT", {
    message: `Table access is not allowed on the admin database: '${name}'`,
    hint: "The admin database holds postgate_databases and postgate_tokens.",
  });
}
