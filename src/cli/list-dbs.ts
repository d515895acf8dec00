import type { Client } from "pg";
import { describeConnection, parseConnectionUrl } from "../postgres/connection-settings.ts";
import { isSealed, openSealed, type SealingKeys } from "../tenants/sealing.ts";
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

export async function listDbs(
  client: Client,
  terminal: Terminal,
  { json, keys }: { readonly json: boolean; readonly keys: SealingKeys },
): Promise<void> {
  const { rows } = await client.query<DatabaseRow>(
    `select id, name, backend_type, schema_name, connection_string, max_rows, created_at
       from public.postgate_databases order by created_at, id`,
  );
  const shown = rows.map(({ connection_string, ...row }) => ({
    ...row,
    connection: connection_string === null ? null : describeWithoutSecrets(row.id, connection_string, keys),
  }));
  printRows(terminal, shown, { json });
}

/** Describes a connection without its password. The connection string itself is never shown, because it holds a password. */
function describeWithoutSecrets(id: string, stored: string, keys: SealingKeys): string {
  const connectionString = isSealed(stored) ? openSealed(stored, id, keys)?.connectionString : stored;
  if (connectionString === undefined) return "sealed, and no key opens it";
  try {
    return describeConnection(parseConnectionUrl(connectionString));
  } catch (error) {
    return `unusable: ${(error as Error).message}`;
  }
}
