import type { Client } from "pg";
import type { DatabaseId } from "../tenants/tenant.ts";
import { CommandError } from "./failure.ts";

/** @throws CommandError when there is no such database. */
export async function requireDatabase(client: Client, id: DatabaseId): Promise<void> {
  const { rowCount } = await client.query("select 1 from public.postgate_databases where id = $1", [id]);
  if (rowCount === 0) throw noSuchDatabase(id);
}

export function noSuchDatabase(id: DatabaseId): CommandError {
  return new CommandError(`there is no database ${id}; "postgate list-dbs" shows those that are there`);
}
