import type { Client } from "pg";
import { describeConnection, parseConnectionUrl } from "../postgres/connection-settings.ts";
import { printRows } from "./print-rows.ts";
import type { Terminal } from "./terminal.ts";

interface DatabaseRow {
  readonly id: string;
  readonly name: string;
  readonly backend_type: string;
  readonly schema_name: string | null;
  readonly connection_string: string | null;
  readonly max_rows: number | null;
  readonly created_at: Date | null;
}

export async function listDbs(client: Client, terminal: Terminal, { json }: { json: boolean }): Promise<void> {
  const { rows } = await client.query<DatabaseRow>(
    `select id, name, backend_type, schema_name, connection_string, max_rows, created_at
       from public.postgate_databases order by created_at, id`,
  );
  const shown = rows.map(({ connection_string, ...row }) => ({
    ...row,
    connection: connection_string === null ? null : describeWithoutSecrets(connection_string),
  }));
  printRows(terminal, shown, { json });
}

/** The connection string itself holds a password and stays where it is. */
function describeWithoutSecrets(connectionString: string): string {
  try {
    return describeConnection(parseConnectionUrl(connectionString));
  } catch (error) {
    return `unusable: ${(error as Error).message}`;
  }
}
