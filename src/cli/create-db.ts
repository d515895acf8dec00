import { type KeyObject, randomUUID } from "node:crypto";
import type { Client } from "pg";
import { allowTarget, forgetTarget } from "../dedicated/operator-targets.ts";
import { parseConnectionUrl } from "../postgres/connection-settings.ts";
import { seal } from "../tenants/sealing.ts";
import type { Terminal } from "./terminal.ts";

export interface NewDatabase {
  readonly name: string;
  readonly maxRows: number;
  /** The connection string of a dedicated backend; undefined for a schema in the shared database. */
  readonly dedicatedUrl: string | undefined;
  /** The key that seals the connection string; undefined stores the string plain. */
  readonly sealingKey: KeyObject | undefined;
}

type DedicatedDatabase = NewDatabase & { readonly dedicatedUrl: string };

export async function createDb(client: Client, terminal: Terminal, database: NewDatabase): Promise<void> {
  const { dedicatedUrl } = database;
  if (dedicatedUrl === undefined) await createSchemaDatabase(client, terminal, database);
  else await createDedicatedDatabase(client, terminal, { ...database, dedicatedUrl });
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

/**
 * Creates the row of a dedicated database. The id is made here, because a sealed string opens only in the row of its own id. The
 * operator's permission for the target is stored first, so that an instance that sees the row also finds the permission.
 */
async function createDedicatedDatabase(client: Client, terminal: Terminal, database: DedicatedDatabase): Promise<void> {
  const { name, maxRows, dedicatedUrl, sealingKey } = database;
  const given = randomUUID();
  const stored = (id: string): string => (sealingKey === undefined ? dedicatedUrl : seal(dedicatedUrl, id, sealingKey));
  const connection = parseConnectionUrl(dedicatedUrl);
  await allowTarget(client, given, connection);
  const { rows } = await client.query<{ id: string }>(
    `insert into public.postgate_databases (id, name, backend_type, connection_string, max_rows)
     values ($1, $2, 'dedicated', $3, $4) returning id::text`,
    [given, name, stored(given), maxRows],
  );
  for (const { id } of rows) {
    // An operator's view may assign ids of its own.
    if (id !== given) {
      await forgetTarget(client, given);
      await allowTarget(client, id, connection);
      await client.query("update public.postgate_databases set connection_string = $2 where id = $1", [id, stored(id)]);
    }
    terminal.print(id);
  }
}
