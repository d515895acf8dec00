// Writes src/encoding/builtin-array-types.ts and builtin-type-names.ts from the catalogs of running servers, one of each
// supported version. It starts them itself, or reads the servers whose connection strings are given:
//   npm run generate:types [-- postgres://… postgres://… …]
// A type whose meaning differs between two servers stops the run.
//
// With --check it writes nothing. It reports types that no file lists, whose values come as text. The check fails where
// a file and a server give one OID two meanings.
import { buildSync } from "esbuild";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import pg from "pg";
import { withServers } from "./support/start-servers.mjs";
import { requireEveryVersion } from "./support/supported-versions.mjs";

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
const isCheck = process.argv.includes("--check");
const given = process.argv.slice(2).filter((word) => word !== "--check");
const releases = given.length > 0 ? await readServers(given) : await withServers((started) => readServers(started));
if (isCheck) await check();
else write();

async function readServers(urls) {
  const found = [];
  for (const url of urls) found.push(await readTypes(url));
  return found;
}

function write() {
  requireEveryVersion(releases);
  writeSource("builtin-array-types.ts", arraySourceOf(sorted(arrayTypes)));
  writeSource("builtin-type-names.ts", nameSourceOf(sorted(typeNames)));
}

async function check() {
  const { BUILTIN_ARRAY_TYPES } = await load("builtin-array-types.ts");
  const { BUILTIN_TYPE_NAMES } = await load("builtin-type-names.ts");
  for (const { oid, element_oid, name, delimiter } of arrayTypes.values())
    compare(`${name}[]`, { elementOid: element_oid, delimiter }, BUILTIN_ARRAY_TYPES.get(oid));
  for (const { oid, name } of typeNames.values()) compare(name, name, BUILTIN_TYPE_NAMES.get(oid));
  console.log(`Compared with PostgreSQL ${releases.join(", ")}.`);
}

function compare(type, found, listed) {
  if (listed === undefined) console.log(`News: the type ${type} is in no file, and its values come as text.`);
  else if (!isDeepStrictEqual(found, listed)) {
    console.error(`${type}: the file says ${JSON.stringify(listed)}, and a server ${JSON.stringify(found)}`);
    process.exitCode = 1;
  }
}

async function load(name) {
  const entryPoint = fileURLToPath(new URL(`../src/encoding/${name}`, import.meta.url));
  const { outputFiles } = buildSync({ entryPoints: [entryPoint], bundle: true, write: false, format: "esm" });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}

async function readTypes(connectionString) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query("show server_version");
    for (const type of (await client.query(ARRAY_TYPES_SQL)).rows) add(arrayTypes, type);
    for (const type of (await client.query(TYPE_NAMES_SQL)).rows) add(typeNames, type);
    return rows[0].server_version;
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
