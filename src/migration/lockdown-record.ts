// Records which rights a lock-down took from PUBLIC, and what the operator wants. The record is in the database, so that a
// dump, a clone and another instance have it too.

import type { ClientBase } from "pg";
import { MigrationError } from "./migration-error.ts";
import type { PublicRight } from "./plan-lockdown.ts";

const TABLES_SQL = `
create table if not exists postgate_private.lockdown (is_wanted boolean not null);
create table if not exists postgate_private.public_rights (
  kind text not null,
  object text not null,
  privileges text not null,
  primary key (kind, object, privileges)
);
revoke all on all tables in schema postgate_private from public`;

/**
 * A later version of PostgreSQL may lack an object, and a clone of the database has another name. The operator's login runs SQL made
 * from the record, so the SQL takes each object's name from the catalogs and never from the record's text.
 */
const RECORD_SQL = `
select recorded.kind, named.object, recorded.privileges
from postgate_private.public_rights as recorded
join (
  select 'database' as kind, null as recorded, format('%I', current_database()) as object
  union all select 'schema', format('%I', nspname), format('%I', nspname) from pg_namespace
  union all select 'language', format('%I', lanname), format('%I', lanname) from pg_language
  union all select 'table', oid::regclass::text, oid::regclass::text from pg_class where relnamespace = 'pg_catalog'::regnamespace
  union all select 'routine', oid::regprocedure::text, oid::regprocedure::text from pg_proc where pronamespace = 'pg_catalog'::regnamespace
) as named on named.kind = recorded.kind and coalesce(named.recorded = recorded.object, true)
order by recorded.kind, named.object`;

const COLUMN = String.raw`(?:[a-z_][a-z0-9_]*|"(?:[^"]|"")+")`;
const WORD =
  "(?:SELECT|INSERT|UPDATE|DELETE|TRUNCATE|REFERENCES|TRIGGER|MAINTAIN|USAGE|CREATE|CONNECT|TEMPORARY|EXECUTE)";
/** Matches privileges as planLockdown() writes them: `SELECT, UPDATE (datname)`. */
const PRIVILEGES = new RegExp(`^${WORD}(?: \\(${COLUMN}\\))?(?:, ${WORD}(?: \\(${COLUMN}\\))?)*$`);

/**
 * Returns the rights that a lock-down took from PUBLIC.
 *
 * @throws MigrationError when Postgate did not write one of the records. None of them is run then.
 */
export async function loadRecord(client: ClientBase): Promise<readonly PublicRight[]> {
  if (!(await hasTables(client))) return [];
  const { rows } = await client.query<PublicRight>(RECORD_SQL);
  if (rows.some(({ privileges }) => !PRIVILEGES.test(privileges)))
    throw new MigrationError(
      "postgate_private.public_rights holds privileges that Postgate did not write: look at them, and delete those rows",
    );
  return rows;
}

export async function addToRecord(client: ClientBase, rights: readonly PublicRight[]): Promise<void> {
  await client.query(TABLES_SQL);
  await client.query(
    `insert into postgate_private.public_rights (kind, object, privileges)
     select * from unnest($1::text[], $2::text[], $3::text[]) on conflict do nothing`,
    [rights.map(({ kind }) => kind), rights.map(({ object }) => object), rights.map(({ privileges }) => privileges)],
  );
}

export async function forgetRecord(client: ClientBase): Promise<void> {
  await client.query(TABLES_SQL);
  await client.query("delete from postgate_private.public_rights");
}

/** Returns what the operator wants, or undefined when the operator has not chosen. */
export async function readWish(client: ClientBase): Promise<"locked" | "unlocked" | undefined> {
  if (!(await hasTables(client))) return undefined;
  const { rows } = await client.query<{ is_wanted: boolean }>("select is_wanted from postgate_private.lockdown");
  return rows[0] && (rows[0].is_wanted ? "locked" : "unlocked");
}

export async function rememberWish(client: ClientBase, wish: "locked" | "unlocked"): Promise<void> {
  await client.query("delete from postgate_private.lockdown");
  await client.query("insert into postgate_private.lockdown (is_wanted) values ($1)", [wish === "locked"]);
}

async function hasTables(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ has: boolean }>(
    "select to_regclass('postgate_private.public_rights') is not null as has",
  );
  return rows[0]?.has === true;
}
