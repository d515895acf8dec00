import type { Client } from "pg";
import type { Terminal } from "./terminal.ts";

export interface NewDatabase {
  readonly name: string;
  readonly maxRows: number;
  /** The connection string of a dedicated backend; undefined for a schema in the shared database. */
  readonly dedicatedUrl: string | undefined;
}

export async function createDb(client: Client, terminal: Terminal, database: NewDatabase): Promise<void> {
  if (database.dedicatedUrl === undefined) await createSchemaDatabase(client, terminal, database);
  else await createDedicatedDatabase(client, terminal, database);
}

async function createSchemaDatabase(client: Client, terminal: Terminal, database: NewDatabase): Promise<void> {
  const { rows } = await client.query<{ id: string; schema_name: string }>(
    "select id, schema_name from public.create_tenant_database($1, $2)",
    [database.name, database.maxRows],
  );
  for (const { id, schema_name } of rows) {
    terminal.print(id);
    terminal.note(`Schema: ${schema_name}`);
  }
}

async function createDedicatedDatabase(client: Client, terminal: Terminal, database: NewDatabase): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `insert into public.postgate_databases (name, backend_type, connection_string, max_rows)
     values ($1, 'dedicated', $2, $3) returning id`,
    [database.name, database.dedicatedUrl, database.maxRows],
  );
  for (const { id } of rows) terminal.print(id);
}
