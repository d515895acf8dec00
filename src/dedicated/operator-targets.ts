// Keeps the targets that the operator allowed with `create-db -d`. The target of a database is the servers, the login and the database
// that its connection string named. They are in Postgate's private schema, where no token can write. A row whose string now names
// anything else is not covered.

import type { ClientBase } from "pg";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";

const TABLE_SQL = `
create table if not exists postgate_private.dedicated_targets (database_id uuid primary key, target text not null);
revoke all on table postgate_private.dedicated_targets from public`;

/** Returns the target of a connection. The password is left out, because a changed password leads to the same place. */
export function targetOf({ host, port, otherPlaces = [], user, database }: ConnectionSettings): string {
  return JSON.stringify({
    user,
    database,
    servers: [[host, port], ...otherPlaces.map((place) => [place.host, place.port])],
  });
}

/**
 * Records that the operator allows this target for the database.
 *
 * @param client a connection as the operator, within the transaction that makes the database
 */
export async function allowTarget(
  client: ClientBase,
  databaseId: string,
  connection: ConnectionSettings,
): Promise<void> {
  await client.query(TABLE_SQL);
  await client.query(
    `insert into postgate_private.dedicated_targets (database_id, target) values ($1, $2)
     on conflict (database_id) do update set target = excluded.target`,
    [databaseId, targetOf(connection)],
  );
}

/** Deletes the target of a deleted database, so that it does not allow anything for another row with the same id. */
export async function forgetTarget(client: ClientBase, databaseId: string): Promise<void> {
  if (await hasTable(client))
    await client.query("delete from postgate_private.dedicated_targets where database_id = $1", [databaseId]);
}

/** Returns all targets by the database's id. */
export async function loadTargets(client: ClientBase): Promise<ReadonlyMap<string, string>> {
  if (!(await hasTable(client))) return new Map();
  const { rows } = await client.query<{ id: string; target: string }>(
    "select database_id::text as id, target from postgate_private.dedicated_targets",
  );
  return new Map(rows.map(({ id, target }) => [id, target]));
}

async function hasTable(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ has: boolean }>(
    "select pg_catalog.to_regclass('postgate_private.dedicated_targets') is not null as has",
  );
  return rows[0]?.has === true;
}
