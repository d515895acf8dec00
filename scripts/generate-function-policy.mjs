// Writes src/policy/tables/function-names.ts from the catalogs of running servers, one of each supported version:
//   node scripts/generate-function-policy.mjs postgres://… postgres://… …
// generate-function-policy.sql gives the verdicts. Review what changes in the written file: a new name is a new right.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pg from "pg";

const verdictSql = readFileSync(new URL("generate-function-policy.sql", import.meta.url), "utf8");
const typeSql = `
  select distinct typname as name from pg_catalog.pg_type
  where typnamespace = 'pg_catalog'::regnamespace and typrelid = 0 and typname !~ '^_'`;

const allowed = new Set();
const refused = new Map();
const attributes = new Set();
const types = new Set();
for (const connectionString of process.argv.slice(2)) await readServer(connectionString);
if (allowed.size === 0) throw new Error("Usage: node scripts/generate-function-policy.mjs <postgres URL> …");

for (const name of refused.keys())
  if (allowed.has(name)) throw new Error(`${name} is allowed on one version and refused on another: decide by hand`);

const file = fileURLToPath(new URL("../src/policy/tables/function-names.ts", import.meta.url));
writeFileSync(file, sourceOf());
execFileSync("npx", ["prettier", "--write", file], { stdio: "inherit" });

async function readServer(connectionString) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    for (const { name, verdict, takes_one } of (await client.query(verdictSql)).rows) {
      if (verdict === "allow") allowed.add(name);
      else refused.set(name, verdict);
      if (verdict !== "allow" && takes_one) attributes.add(name);
    }
    for (const { name } of (await client.query(typeSql)).rows) types.add(name);
  } finally {
    await client.end();
  }
}

function sourceOf() {
  const byReason = {};
  for (const [name, reason] of [...refused].sort()) (byReason[reason] ??= []).push(name);
  const groups = Object.keys(byReason)
    .sort()
    .map((reason) => `${JSON.stringify(reason)}: ${listOf(byReason[reason])}`);
  return `// Written by scripts/generate-function-policy.mjs from the catalogs of PostgreSQL 14 to 18. Do not edit.
/* eslint max-lines: "off" -- a table of data */

/** Functions of pg_catalog that any statement may call, by name. */
export const ALLOWED_FUNCTION_NAMES: readonly string[] = ${listOf([...allowed].sort())};

/** Every other function of pg_catalog, by the reason for which it is refused. */
export const REFUSED_FUNCTION_NAMES = {
  ${groups.join(",\n  ")}
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Those of the refused ones that take one argument, and so can be called as \`(value).name\` too. */
export const REFUSED_ATTRIBUTE_NAMES: readonly string[] = ${listOf([...attributes].sort())};

/** The types of pg_catalog, without arrays and tables. */
export const BUILTIN_TYPE_NAMES: readonly string[] = ${listOf([...types].sort())};
`;
}

function listOf(names) {
  return `[${names.map((name) => JSON.stringify(name)).join(", ")}]`;
}
