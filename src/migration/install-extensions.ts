// Installs the extensions that tenants may use (POSTGATE_EXTENSIONS) in a schema of their own, which is on tenants'
// search_path, and reads back the names that the judge admits. It also reads the names that this server's catalog has beyond
// the judge's lists: those of other extensions, and those of a newer release of PostgreSQL.

import { type ClientBase, DatabaseError } from "pg";
import {
  ALLOWED_FUNCTION_NAMES,
  BUILTIN_TYPE_NAMES,
  type NameArgument,
  REFUSED_ATTRIBUTE_NAMES,
} from "../policy/tables/function-names.ts";
import { withLockedTransaction, withTransaction } from "../postgres/locked-transaction.ts";
import { MigrationError } from "./migration-error.ts";

export const EXTENSIONS_SCHEMA = "postgate_extensions";
/** PostgreSQL's FirstNormalObjectId. */
const FIRST_ADDED_OID = 16_384;

/** The names that this server has beyond the judge's own lists, and that a statement could use unqualified. */
export interface ExtensionNames {
  /** Functions of the operator's extensions, which tenants may call. */
  readonly functions: ReadonlySet<string>;
  /** Types of the operator's extensions, which tenants may use. */
  readonly types: ReadonlySet<string>;
  /** Functions that are not admitted, but that `(value).name` would call as if the name were a column. */
  readonly refusedAttributes: ReadonlySet<string>;
  /** Types of pg_catalog that the judge does not know, so it would take them for a tenant's own types. */
  readonly refusedTypes: ReadonlySet<string>;
  /** Functions of extensions that take an object's name as their first argument. */
  readonly nameArguments: ReadonlyMap<string, NameArgument>;
}

/** Extensions that would let a tenant leave its schema: they reach other servers, files or pages, or all they do is run text as SQL. */
const REFUSED_EXTENSIONS: ReadonlySet<string> = new Set([
  ...["adminpack", "dblink", "file_fdw", "lo", "pageinspect", "pg_buffercache", "pg_freespacemap", "pg_logicalinspect"],
  ...["pg_prewarm", "pg_stat_statements", "pg_surgery", "pg_visibility", "pg_walinspect", "pgrowlocks", "pgstattuple"],
  ...["amcheck", "plpgsql", "postgres_fdw", "sslinfo", "xml2"],
]);

/** Functions that run the text of an argument as SQL. */
const RUNS_TEXT = "^(crosstab|connectby|xpath_table|ts_stat|ts_rewrite)";

const FIND_PLACES = `
select extension.extname as name, namespace.nspname as schema
from pg_extension as extension join pg_namespace as namespace on namespace.oid = extension.extnamespace
where extension.extname = any ($1)`;

/**
 * Finds functions that take an object of the catalogs by its name (reg…) or number. If the name is the first of several arguments, as
 * in unaccent('unaccent', body), the judge checks it. The judge cannot see a name in another place, so it then admits no function
 * of that name.
 */
const NAME_ARGUMENTS = `
select routine.proname as name, min(type.typname) as type, min(routine.pronargs - routine.pronargdefaults)::int as from,
       bool_and(argument.place = 1 and type.typname ~ '^reg' and routine.pronargs - routine.pronargdefaults > 1)
         and count(distinct type.typname) = 1 as is_judged
from pg_proc as routine join pg_namespace as namespace on namespace.oid = routine.pronamespace
cross join unnest(routine.proargtypes::oid[]) with ordinality as argument (type, place)
join pg_type as type on type.oid = argument.type
where namespace.nspname in ('pg_catalog', '${EXTENSIONS_SCHEMA}') and routine.oid >= ${FIRST_ADDED_OID}
  and type.typname ~ '^_?(reg|oid)'
group by 1`;

/**
 * A function that takes or returns an internal type is not admitted: it serves a type, an operator class or a trigger, and has no use
 * in SQL. A function with a reg… type does not admit its name either.
 */
const FIND_NAMES = `
with name_arguments as (${NAME_ARGUMENTS})
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
  and not exists (select from name_arguments as argument where argument.name = routine.proname and not argument.is_judged)
union
select 'type', type.typname
from pg_extension as extension
join pg_depend as member on member.refclassid = 'pg_extension'::regclass and member.refobjid = extension.oid and member.deptype = 'e'
join pg_type as type on member.classid = 'pg_type'::regclass and type.oid = member.objid
where extension.extname = any ($1)`;

/**
 * Some extensions, such as Citus, put their functions into pg_catalog, where every statement finds them without a schema. A function
 * that came with the server has an oid below FIRST_ADDED_OID. The judge knows those, unless the server's release is newer than the
 * judge's lists.
 */
const FIND_REFUSED_ATTRIBUTES = `
select distinct routine.proname as name
from pg_proc as routine join pg_namespace as namespace on namespace.oid = routine.pronamespace
where namespace.nspname in ('pg_catalog', '${EXTENSIONS_SCHEMA}')
  and (routine.oid >= ${FIRST_ADDED_OID} or routine.proname <> all ($2::text[]))
  and routine.pronargs >= 1 and routine.pronargs - routine.pronargdefaults <= 1
  and not 'internal'::regtype = any (routine.proargtypes::oid[])
  and routine.proname <> all ($1::text[])`;
const JUDGED_ATTRIBUTES = [...ALLOWED_FUNCTION_NAMES, ...REFUSED_ATTRIBUTE_NAMES];

/** Names that begin with pg_ are left out, because the judge refuses them without a list. */
const FIND_REFUSED_TYPES = `
select type.typname as name from pg_type as type
where type.typnamespace = 'pg_catalog'::regnamespace and type.typname !~ '^_?pg_'
  and type.typname <> all ($1::text[]) and regexp_replace(type.typname, '^_', '') <> all ($2::text[])`;

/**
 * Installs the missing extensions, and returns the names that they and the server add.
 *
 * @param client a connection as the operator, with no transaction open
 * @throws MigrationError when an extension is not available on the server, may not be installed, or is installed in another schema.
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
  const refused = await client.query<{ name: string }>(FIND_REFUSED_ATTRIBUTES, [functions, JUDGED_ATTRIBUTES]);
  const types = namesOf("type");
  const named = await client.query<NameArgument & { name: string }>(NAME_ARGUMENTS);
  const refusedTypes = await client.query<{ name: string }>(FIND_REFUSED_TYPES, [types, BUILTIN_TYPE_NAMES]);
  return {
    functions: new Set(functions),
    types: new Set(types),
    refusedAttributes: new Set(refused.rows.map(({ name }) => name)),
    refusedTypes: new Set(refusedTypes.rows.map(({ name }) => name)),
    nameArguments: new Map(named.rows.map(({ name, type, from }) => [name, { type, from }])),
  };
}
