import type { Client } from "pg";
import { generateToken, hashToken, tokenPrefix, type Token } from "../auth/token.ts";
import type { Permission } from "../permissions.ts";
import type { DatabaseId } from "../tenants/tenant.ts";
import { requireDatabase } from "./require-database.ts";
import type { Terminal } from "./terminal.ts";

export interface NewToken {
  readonly databaseId: DatabaseId;
  readonly name: string;
  readonly permissions: readonly Permission[];
}

/** Prints a new token, which takes the place of one of the same name. */
export async function genToken(client: Client, terminal: Terminal, request: NewToken): Promise<void> {
  await requireDatabase(client, request.databaseId);
  const token = generateToken();
  await client.query("begin");
  try {
    await replaceToken(client, token, request);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
  terminal.print(token);
}

/** Deletes and inserts: the table may be a view, and a view takes no ON CONFLICT. */
async function replaceToken(client: Client, token: Token, { databaseId, name, permissions }: NewToken): Promise<void> {
  // Two at once would both delete nothing and then both insert.
  await client.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [`postgate token ${databaseId} ${name}`]);
  await client.query("delete from public.postgate_tokens where database_id = $1 and name = $2", [databaseId, name]);
  await client.query(
    `insert into public.postgate_tokens (database_id, name, token_hash, token_prefix, allowed_operations)
     values ($1, $2, $3, $4, $5)`,
    [databaseId, name, hashToken(token), tokenPrefix(token), permissions],
  );
}
