// Writes src/encoding/builtin-array-types.ts and builtin-type-names.ts from the catalogs of running servers, one of each
// supported version:
//   node scripts/generate-builtin-types.mjs postgres://… postgres://… …
// A type whose meaning differs between two of them stops the run.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pg from "pg";

const ARRAY_TYPES_SQL = `
  select array_type.oid::int as oid, element.oid::int as element_oid, element.typname as name, element.typdelim as delimiter
  from pg_catalog.pg_type as array_type
  join pg_catalog.pg_type as element on element.oid = array_type.typelem
  where array_type.typinput = 'pg_catalog.array_in'::pg_catalog.regproc and array_type.oid < 10000`;

const TYPE_NAMES_SQL = `
  select oid::int as oid, typname as name
  from pg_catalog.pg_type
  where typinput <> 'pg_catalog.array_in'::pg_catalog.regproc and oid < 10000`;

const arrayTypes = new Map();
const typeNames = new Map();
for (const connectionString of process.argv.slice(2)) await readTypes(connectionString);
if (typeNames.size === 0) throw new Error("Usage: node scripts/generate-builtin-types.mjs <postgres URL> …");
writeSource("builtin-array-types.ts", arraySourceOf(sorted(arrayTypes)));
writeSource("builtin-type-names.ts", nameSourceOf(sorted(typeNames)));

async function readTypes(connectionString) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    for (const type of (await client.query(ARRAY_TYPES_SQL)).rows) add(arrayTypes, type);
    for (const type of (await client.query(TYPE_NAMES_SQL)).rows) add(typeNames, type);
  } finally {
    await client.end();
  }
}

function add(types, type) {
  const known = types.get(type.oid) ?? type;
  if (JSON.stringify(known) !== JSON.stringify(type)) throw new Error(`type ${type.oid} has two meanings`);
  types.set(type.oid, type);
}

function sorted(types) {
  return [...types.values()].sort((a, b) => a.oid - b.oid);
}

function writeSource(name, source) {
  const file = fileURLToPath(new URL(`../src/encoding/${name}`, import.meta.url));
  writeFileSync(file, source);
  execFileSync("npx", ["prettier", "--write", file], { stdio: "inherit" });
}

function arraySourceOf(arrayTypes) {
  const entries = arrayTypes.map(
    ({ oid, element_oid, name, delimiter }) =>
      `[${oid}, { elementOid: ${element_oid}, delimiter: ${JSON.stringify(delimiter)} }], // ${name}[]`,
  );
  return `// Written by scripts/generate-builtin-types.mjs from the catalogs of PostgreSQL 14 to 18. Do not edit.

/** Every built-in array type: its OID, its element type's OID, and what stands between two elements in its text. */
export const BUILTIN_ARRAY_TYPES: ReadonlyMap<number, { readonly elementOid: number; readonly delimiter: string }> =
  new Map([
    ${entries.join("\n    ")}
  ]);
`;
}

function nameSourceOf(types) {
  const entries = types.map(({ oid, name }) => `[${oid}, ${JSON.stringify(name)}],`);
  return `// Written by scripts/generate-builtin-types.mjs from the catalogs of PostgreSQL 14 to 18. Do not edit.

/** The name of every built-in type that is no array, by OID. */
export const BUILTIN_TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  ${entries.join("\n  ")}
]);
`;
}
