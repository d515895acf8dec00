import type { Client } from "pg";
import { forgetTarget } from "../dedicated/operator-targets.ts";
import type { DatabaseId } from "../tenants/tenant.ts";
import { noSuchDatabase } from "./require-database.ts";
import type { Terminal } from "./terminal.ts";

export interface DatabaseRemoval {
  readonly databaseId: DatabaseId;
  readonly json: boolean;
}

export async function deleteDb(client: Client, terminal: Terminal, request: DatabaseRemoval): Promise<void> {
  const { rows } = await client.query<{ deleted: boolean }>("select public.delete_tenant_database($1) as deleted", [
    request.databaseId,
  ]);
  await forgetTarget(client, request.databaseId);
  if (rows[0]?.deleted !== true) throw noSuchDatabase(request.databaseId);
  terminal.print(
    request.json
      ? JSON.stringify({ id: request.databaseId, deleted: true })
      : `Deleted database ${request.databaseId} with everything in it`,
  );
}
