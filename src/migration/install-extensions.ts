// Extensions that tenants may use (POSTGATE_EXTENSIONS): installed in a schema of their own, which is on tenants' search_path,
// and read back as the names that the judge admits.

import { type ClientBase, DatabaseError } from "pg";
import { withLockedTransaction, withTransaction } from "../postgres/locked-transaction.ts";
import { MigrationError } from "./migration-error.ts";

export const EXTENSIONS_SCHEMA = "postgate_extensions";
/** PostgreSQL's FirstNormalObjectId. */
const FIRST_ADDED_OID = 16_384;

/** What the extensions bring: names that a tenant's statement may use unqualified. */
export interface ExtensionNames {
  readonly functions: ReadonlySet<string>;
  readonly types: ReadonlySet<string>;
  /** Functions that are within reach and not admitted, and that `(value).name` would call as if it were a column. */
  readonly refusedAttributes: ReadonlySet<string>;
}

/** With these a tenant would leave its schema: they reach other servers, files or pages, or run text as SQL throughout. */
const REFUSED_EXTENSIONS: ReadonlySet<string> = new Set([
  ...["adminpack", "dblink", "file_fdw", "lo", "pageinspect", "pg_buffercache", "pg_freespacemap", "pg_logicalinspect"],
  ...["pg_prewarm", "pg_stat_statements", "pg_surgery", "pg_visibility", "pg_walinspect", "pgrowlocks", "pgstattuple"],
  ...["amcheck", "plpgsql", "postgres_fdw", "sslinfo", "xml2"],
]);

/** These run an argument's text as SQL. Any function that takes a name from the catalogs (reg…) is left out as well. */
const RUNS_TEXT = "^(crosstab|connectby|xpath_table|ts_stat|ts_rewrite)";

const FIND_PLACES = `
select extension.extname as name, namespace.nspname as schema
from pg_extension as extension join pg_namespace as namespace on namespace.oid = extension.extnamespace
where extension.extname = any ($1)`;

/** Functions that have no use in SQL (of types, operator classes and triggers) take or give internal types: not admitted. */
const FIND_NAMES = `
select 'function' as kind, routine.proname as name
from pg_extension as extension
join pg_depend as member on member.refclassid = 'pg_extension'::regclass and member.refobjid = extension.oid and member.deptype = 'e'
join pg_proc as routine on member.classid = 'pg_proc'::regclass and routine.oid = member.objid
where extension.extname = any ($1) and routine.prokind in ('f', 'a', 'w') and routine.proname !~ '${RUNS_TEXT}'
  and not exists (
    select from unnest(routine.proargtypes::oid[] || routine.prorettype) as used (oid)
    join pg_type as type on type.oid = used.oid
    where type.typname in ('internal', 'cstring', 'trigger', 'event_trigger') or type.typname ~ '^_?reg'
  )
union
select 'type', type.typname
from pg_extension as extension
join pg_depend as member on member.refclassid = 'pg_extension'::regclass and member.refobjid = extension.oid and member.deptype = 'e'
join pg_type as type on member.classid = 'pg_type'::regclass and type.oid = member.objid
where extension.extname = any ($1)`;

/**
 * Some extensions, Citus for one, put theirs into pg_catalog, where every statement finds them without a schema. What came with the
 * server has a lower number, and the judge knows it.
 */
const FIND_REFUSED_ATTRIBUTES = `
select distinct routine.proname as name
from pg_proc as routine join pg_namespace as namespace on namespace.oid = routine.pronamespace
where namespace.nspname in ('pg_catalog', '${EXTENSIONS_SCHEMA}') and routine.oid >= ${FIRST_ADDED_OID}
  and routine.pronargs >= 1 and routine.pronargs - routine.pronargdefaults <= 1
  and routine.proname <> all ($1::text[])`;

/**
 * @param client a connection as the operator, with no transaction open.
 * @throws MigrationError when one is not available on the server, may not be installed, or is installed elsewhere.
 */
export async function installExtensions(client: ClientBase, extensions: readonly string[]): Promise<ExtensionNames> {
  if (extensions.length > 0) await installMissing(client, extensions);
  return withTransaction(client, () => loadNames(client, extensions));
}

async function installMissing(client: ClientBase, extensions: readonly string[]): Promise<void> {
  const refused = extensions.filter((name) => REFUSED_EXTENSIONS.has(name));
  if (refused.length > 0)
    throw new MigrationError(
      `POSTGATE_EXTENSIONS: ${refused.join(", ")} would let tenants out of their schemas: leave it out`,
    );
  const isComplete = await withTransaction(client, () => areInstalled(client, extensions));
  if (!isComplete) await withLockedTransaction(client, () => install(client, extensions));
}

async function areInstalled(client: ClientBase, extensions: readonly string[]): Promise<boolean> {
  const { rows } = await client.query<{ name: string; schema: string }>(FIND_PLACES, [extensions]);
  const elsewhere = rows.find(({ schema }) => schema !== EXTENSIONS_SCHEMA);
  if (elsewhere !== undefined)
    throw new MigrationError(
      `POSTGATE_EXTENSIONS: "${elsewhere.name}" is installed in schema "${elsewhere.schema}", where tenants do not reach it: ` +
        `run CREATE SCHEMA IF NOT EXISTS ${EXTENSIONS_SCHEMA}; ALTER EXTENSION "${elsewhere.name}" SET SCHEMA ${EXTENSIONS_SCHEMA}; or leave it out`,
    );
  return rows.length === extensions.length;
}

async function install(client: ClientBase, extensions: readonly string[]): Promise<void> {
  await client.query(`create schema if not exists ${EXTENSIONS_SCHEMA}`);
  await client.query(`grant usage on schema ${EXTENSIONS_SCHEMA} to public`);
  for (const name of extensions) {
    try {
      await client.query(
        `create extension if not exists ${client.escapeIdentifier(name)} schema ${EXTENSIONS_SCHEMA} cascade`,
      );
    } catch (cause) {
      if (!(cause instanceof DatabaseError)) throw cause;
      throw new MigrationError(`POSTGATE_EXTENSIONS: "${name}" could not be installed: ${cause.message}`, { cause });
    }
  }
}

async function loadNames(client: ClientBase, extensions: readonly string[]): Promise<ExtensionNames> {
  const { rows } = await client.query<{ kind: string; name: string }>(FIND_NAMES, [extensions]);
  const namesOf = (kind: string) => rows.filter((row) => row.kind === kind).map(({ name }) => name);
  const functions = namesOf("function");
  const { rows: refused } = await client.query<{ name: string }>(FIND_REFUSED_ATTRIBUTES, [functions]);
  return {
    functions: new Set(functions),
    types: new Set(namesOf("type")),
    refusedAttributes: new Set(refused.map(({ name }) => name)),
  };
}
