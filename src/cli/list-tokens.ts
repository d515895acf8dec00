import type { Client } from "pg";
import type { DatabaseId } from "../tenants/tenant.ts";
import { printRows } from "./print-rows.ts";
import { requireDatabase } from "./require-database.ts";
import type { Terminal } from "./terminal.ts";

export interface TokensRequest {
  readonly databaseId: DatabaseId;
  readonly json: boolean;
}

export async function listTokens(client: Client, terminal: Terminal, request: TokensRequest): Promise<void> {
  await requireDatabase(client, request.databaseId);
  const { rows } = await client.query<Record<string, unknown>>(
    `select id, name, token_prefix, allowed_operations, created_at, last_used_at,
            (to_jsonb(token) ->> 'expires_at')::timestamptz as expires_at -- a view of the operator's may not have it
       from public.postgate_tokens as token where database_id = $1 order by created_at, id`,
    [request.databaseId],
  );
  printRows(terminal, rows, request);
}
