// Tells PostgreSQL servers apart, whatever name, address, port or pooler a connection uses.

import { type ClientBase, DatabaseError } from "pg";

export interface ServerIdentity {
  /** The number that initdb gave the data folder. A replica and a restored copy have the same number. */
  readonly systemIdentifier: string | undefined;
  /** The time when the server started. It tells servers apart if the login may not read the identifier. */
  readonly startedAt: string | undefined;
}

const SYSTEM_IDENTIFIER = "select system_identifier::pg_catalog.text as value from pg_catalog.pg_control_system()";
const STARTED_AT = "select extract(epoch from pg_catalog.pg_postmaster_start_time())::pg_catalog.text as value";

export async function readServerIdentity(client: ClientBase): Promise<ServerIdentity> {
  return { systemIdentifier: await ask(client, SYSTEM_IDENTIFIER), startedAt: await ask(client, STARTED_AT) };
}

/** Tells whether both identities are of one server. Returns undefined if they have no common value to compare. */
export function isSameServer(one: ServerIdentity, other: ServerIdentity): boolean | undefined {
  for (const key of ["systemIdentifier", "startedAt"] as const)
    if (one[key] !== undefined && other[key] !== undefined) return one[key] === other[key];
  return undefined;
}

/** Returns the value, or undefined if the login may not ask or the server does not have the function. */
async function ask(client: ClientBase, sql: string): Promise<string | undefined> {
  try {
    const { rows } = await client.query<{ value: string }>(sql);
    return rows[0]?.value;
  } catch (error) {
    if (error instanceof DatabaseError && error.severity === "ERROR") return undefined;
    throw error;
  }
}
