// What a lock-down took from PUBLIC, and what the operator wants: kept in the database, so that a dump, a clone and another
// instance know it.

import type { ClientBase } from "pg";
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

/** A later version of PostgreSQL may lack an object, and a clone has another name. */
const RECORD_SQL = `
select kind, case kind when 'database' then format('%I', current_database()) else object end as object, privileges
from postgate_private.public_rights as recorded
where case kind
  when 'database' then true
  when 'schema' then object in (select format('%I', nspname) from pg_namespace)
  when 'language' then object in (select format('%I', lanname) from pg_language)
  when 'table' then to_regclass(object) is not null
  else object in (select oid::regprocedure::text from pg_proc where pronamespace = 'pg_catalog'::regnamespace)
end
order by kind, object`;

export async function loadRecord(client: ClientBase): Promise<readonly PublicRight[]> {
  if (!(await hasTables(client))) return [];
  return (await client.query<PublicRight>(RECORD_SQL)).rows;
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

/** Undefined when the operator has said nothing. */
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
