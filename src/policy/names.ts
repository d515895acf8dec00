// Judges the names of relations, types and other objects that have a schema. Such a name must not be qualified, and must not be one of
// PostgreSQL's own. Columns and aliases may have any name, and strings any text.

import type { Node } from "@pgsql/types";

import type { VisitedNode } from "../sql/walk.ts";
import type { Judgement } from "./judgement.ts";

/** Returns the texts of a list of String nodes, which is how the parser represents names. A node of another type becomes `*`. */
export function namesOf(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).map((node) => ("String" in node ? (node.String.sval ?? "") : "*"));
}

export const OWN_TABLES_HINT =
  "SELECT * FROM postgate_helpers.list_tables() and postgate_helpers.describe_table('name') show your own tables.";

/** Returns the one name of a list. @throws GatewayError PARSE_ERROR: QUALIFIED_NAME when the name has a schema. */
export function requireUnqualified(parts: readonly string[], kind: string, context: NameContext): string {
  const [name = ""] = parts;
  if (parts.length <= 1) return name;
  const full = parts.join(".");
  throw context.judgement.refuse(context.visited, "QUALIFIED_NAME", {
    message: `Qualified ${kind} names are not allowed: '${full}'`,
    hint: isCatalog(parts) ? OWN_TABLES_HINT : `Write it without the schema: ${parts.at(-1) ?? ""}`,
  });
}

/** Tells whether a name is one of the catalogs: without its schema, the tenant would find nothing of this name. */
function isCatalog([schema, name = ""]: readonly string[]): boolean {
  return schema === "information_schema" || (schema === "pg_catalog" && name.startsWith("pg_"));
}

const MAY_SPELL_CATALOG = /pg_catalog|u&"/i;
const SPELLED_NAME = /^(?:pg_catalog|"|u&")/i;
const LONGEST_SPELLING_BYTES = 10;
const NO_TEXT = Buffer.alloc(0);

/**
 * Tells whether the caller wrote the schema of a `pg_catalog.…` name. `1::integer` and `1::pg_catalog.int4` have the same tree, so the
 * text at the name's location decides.
 */
export function isCatalogSpelledOut(location: number | undefined, judgement: Judgement): boolean {
  const { text } = judgement.statement;
  // The text is converted once for each statement, which may have thousands of types.
  judgement.textWithCatalog ??= MAY_SPELL_CATALOG.test(text) ? Buffer.from(text) : NO_TEXT;
  if (location === undefined || location < 0) return false;
  const written = judgement.textWithCatalog.toString("latin1", location, location + LONGEST_SPELLING_BYTES);
  return SPELLED_NAME.test(written);
}

export interface NameContext {
  readonly visited: VisitedNode;
  readonly judgement: Judgement;
}

/**
 * Tells whether a name is reserved for PostgreSQL. PostgreSQL searches pg_catalog first, so a table that a later version adds there would
 * hide a tenant's table of the same name.
 */
export function isSystemName(name: string): boolean {
  return name.startsWith("pg_") || name === "information_schema";
}

const METADATA_TABLES: ReadonlySet<string> = new Set(["postgate_databases", "postgate_tokens"]);

/**
 * Requires a name that a tenant may use or create for a relation, an index, a sequence or a constraint.
 *
 * @throws GatewayError PARSE_ERROR: SYSTEM_OBJECT when the name is one of PostgreSQL's or, for a tenant, of the metadata.
 */
export function requireOwnName(name: string, { visited, judgement }: NameContext): void {
  const isMetadata = judgement.rules.kind === "tenant" && METADATA_TABLES.has(name);
  if (!isSystemName(name) && !isMetadata) return;
  throw judgement.refuse(visited, "SYSTEM_OBJECT", {
    message: `System table access is not allowed: '${name}'`,
    hint: isMetadata ? undefined : OWN_TABLES_HINT,
  });
}

/** Requires one of the two metadata tables: the admin database has no other table to read or write. @throws GatewayError PARSE_ERROR */
export function requireMetadataTable(name: string, { visited, judgement }: NameContext): void {
  if (METADATA_TABLES.has(name)) return;
  throw judgement.refuse(visited, "SYSTEM_OBJECT", {
    message: `Table access is not allowed on the admin database: '${name}'`,
    hint: "The admin database holds postgate_databases and postgate_tokens.",
  });
}
