// Writes src/policy/tables/function-names.ts from the catalogs of running servers, one of each supported version. It starts them
// itself, or reads the servers whose connection strings are given:
//   npm run generate:functions [-- postgres://… postgres://… …]
// generate-function-policy.sql gives the verdicts. Review what changes in the written file: a new name is a new right.
//
// With --check it writes nothing. It reports names of the servers that are on no list; these are refused, so the check
// does not fail because of them. It fails where a list and the verdict of a server differ.
import { buildSync } from "esbuild";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { requireEveryVersion } from "./support/supported-versions.mjs";

const file = fileURLToPath(new URL("../src/policy/tables/function-names.ts", import.meta.url));
const verdictSql = readFileSync(new URL("generate-function-policy.sql", import.meta.url), "utf8");
const typeSql = `
  select distinct typname as name from pg_catalog.pg_type
  where typnamespace = 'pg_catalog'::regnamespace and typrelid = 0 and typname !~ '^_'`;
/** Selects functions that take the name or number of a catalog object, with the argument's type and place and their arguments' number. */
const nameArgumentSql = `
  select p.proname as name, type.typname as type, argument.place::int as place,
    min(p.pronargs - p.pronargdefaults)::int as "from"
  from pg_catalog.pg_proc as p
  cross join unnest(p.proargtypes::oid[]) with ordinality as argument (type, place)
  join pg_catalog.pg_type as type on type.oid = argument.type
  where p.pronamespace = 'pg_catalog'::regnamespace and type.typname ~ '^_?(reg|oid)'
  group by 1, 2, 3 order by 1`;
/** Functions that work on the number itself and look nothing up. */
const TAKE_NUMBERS = ["int8", "max", "min"];

const isCheck = process.argv.includes("--check");
const given = process.argv.slice(2).filter((word) => word !== "--check");
const servers = given.length > 0 ? await readServers(given) : await readOwnServers();
if (isCheck) await check();
else write();

/** Starts the servers with the built gateway. Servers that are given need no build. */
async function readOwnServers() {
  const { withServers } = await import("./support/start-servers.mjs");
  return withServers((started) => readServers(started));
}

async function readServers(urls) {
  const found = [];
  for (const url of urls) found.push(await readServer(url));
  return found;
}

async function readServer(connectionString) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query("show server_version");
    const functions = (await client.query(verdictSql)).rows;
    const types = (await client.query(typeSql)).rows.map(({ name }) => name);
    const nameArguments = (await client.query(nameArgumentSql)).rows;
    return { release: rows[0].server_version, functions, types, nameArguments };
  } finally {
    await client.end();
  }
}

async function check() {
  const lists = await loadLists();
  for (const server of servers) tellNews(server, lists);
  const faults = [...findFaults(lists), ...findOpenArguments(lists)];
  for (const fault of faults) console.error(fault);
  console.log(`Compared with PostgreSQL ${servers.map(({ release }) => release).join(", ")}.`);
  if (faults.length > 0) process.exitCode = 1;
}

function tellNews({ release, functions, types }, lists) {
  const tell = (what) => console.log(`News in PostgreSQL ${release}: ${what} is on no list, and refused.`);
  for (const { name, takes_one } of functions) {
    const listed = lists.verdicts.get(name);
    if (listed === undefined) tell(`the function ${name}`);
    else if (listed !== "allow" && takes_one && !lists.attributes.includes(name)) tell(`(value).${name}`);
  }
  for (const name of types) if (!lists.types.includes(name)) tell(`the type ${name}`);
}

/** Two versions may refuse a function for two reasons while the list has one of them. That is no fault. */
function findFaults(lists) {
  return servers.flatMap(({ release, functions }) =>
    functions
      .map(({ name, verdict }) => ({ name, verdict, listed: lists.verdicts.get(name) }))
      .filter(({ verdict, listed }) => listed !== undefined && (listed === "allow") !== (verdict === "allow"))
      .map(({ name, verdict, listed }) => `${name}: the list says ${listed}, and PostgreSQL ${release} ${verdict}`),
  );
}

/** Finds allowed functions that take a name or a number which the judge would not examine. */
function findOpenArguments(lists) {
  return servers.flatMap(({ release, nameArguments }) =>
    nameArguments
      .filter(({ name }) => lists.verdicts.get(name) === "allow" && !TAKE_NUMBERS.includes(name))
      .filter(({ name, type, place, from }) => {
        const judged = lists.nameArguments[name];
        return place !== 1 || judged?.type !== type || from < judged.from;
      })
      .map(
        ({ name, type, place }) =>
          `${name}: its argument ${place} in PostgreSQL ${release} is a ${type}, and not judged`,
      ),
  );
}

/** Reads the committed lists. */
async function loadLists() {
  const { outputFiles } = buildSync({ entryPoints: [file], bundle: true, write: false, format: "esm" });
  const module = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
  const verdicts = new Map(module.ALLOWED_FUNCTION_NAMES.map((name) => [name, "allow"]));
  for (const [reason, names] of Object.entries(module.REFUSED_FUNCTION_NAMES))
    for (const name of names) verdicts.set(name, reason);
  return {
    verdicts,
    attributes: module.REFUSED_ATTRIBUTE_NAMES,
    types: module.BUILTIN_TYPE_NAMES,
    nameArguments: module.NAME_ARGUMENTS,
  };
}

function write() {
  requireEveryVersion(servers.map(({ release }) => release));
  writeFileSync(file, sourceOf(mergeServers()));
  execFileSync("npx", ["prettier", "--write", file], { stdio: "inherit" });
}

function mergeServers() {
  const allowed = new Set();
  const refused = new Map();
  const attributes = new Set();
  for (const { name, verdict, takes_one } of servers.flatMap(({ functions }) => functions)) {
    if (verdict === "allow") allowed.add(name);
    else refused.set(name, verdict);
    if (verdict !== "allow" && takes_one) attributes.add(name);
  }
  for (const name of refused.keys())
    if (allowed.has(name)) throw new Error(`${name} is allowed on one version and refused on another: decide by hand`);
  const types = new Set(servers.flatMap(({ types }) => types));
  return { allowed, refused, attributes, types, nameArguments: mergeNameArguments(allowed) };
}

/** Merges the allowed functions' arguments. The judge examines only the first argument, so one in another place stops the run. */
function mergeNameArguments(allowed) {
  const merged = {};
  for (const { name, type, place, from } of servers.flatMap(({ nameArguments }) => nameArguments)) {
    if (!allowed.has(name) || TAKE_NUMBERS.includes(name)) continue;
    const known = (merged[name] ??= { type, from });
    if (place !== 1 || known.type !== type)
      throw new Error(`${name} takes a ${type} as its argument ${place}: decide by hand`);
    known.from = Math.min(known.from, from);
  }
  return merged;
}

function sourceOf({ allowed, refused, attributes, types, nameArguments }) {
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

/** The first argument is of a type that reads a name or a number of the catalogs, as regclass does. */
export interface NameArgument {
  readonly type: string;
  readonly from: number;
}

/** Allowed functions whose first argument is a catalog object, by its name or number, in calls that have \`from\` arguments or more. */
export const NAME_ARGUMENTS: Readonly<Record<string, NameArgument>> = {
  ${Object.keys(nameArguments)
    .sort()
    .map((name) => `${name}: ${JSON.stringify(nameArguments[name])}`)
    .join(",\n  ")}
};

/** The types of pg_catalog, without arrays and tables. */
export const BUILTIN_TYPE_NAMES: readonly string[] = ${listOf([...types].sort())};
`;
}

function listOf(names) {
  return `[${names.map((name) => JSON.stringify(name)).join(", ")}]`;
}
