import type { Client } from "pg";
import { generateToken, hashToken, tokenPrefix, type Token } from "../auth/token.ts";
import type { Permission } from "../base/permissions.ts";
import { withOwnNames } from "../postgres/locked-transaction.ts";
import type { DatabaseId } from "../tenants/tenant.ts";
import { requireDatabase } from "./require-database.ts";
import type { Terminal } from "./terminal.ts";

export interface NewToken {
  readonly databaseId: DatabaseId;
  readonly name: string;
  readonly permissions: readonly Permission[];
  /** An interval that PostgreSQL reads; undefined for a token that works until it is deleted. */
  readonly expiresIn?: string | undefined;
}

/** Makes and prints a new token, which replaces a token of the same name. */
export async function genToken(client: Client, terminal: Terminal, request: NewToken): Promise<void> {
  await requireDatabase(client, request.databaseId);
  const token = generateToken();
  await withOwnNames(client, () => replaceToken(client, token, request));
  terminal.print(token);
}

/** Deletes and inserts, because the table may be a view, and a view with triggers does not support ON CONFLICT. */
async function replaceToken(client: Client, token: Token, request: NewToken): Promise<void> {
  const { databaseId, name, permissions, expiresIn } = request;
  // Without the lock, two simultaneous commands would both delete nothing and then both insert.
  await client.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [`postgate token ${databaseId} ${name}`]);
  await client.query("delete from public.postgate_tokens where database_id = $1 and name = $2", [databaseId, name]);
  const columns = ["database_id", "name", "token_hash", "token_prefix", "allowed_operations"];
  const values: unknown[] = [databaseId, name, hashToken(token), tokenPrefix(token), permissions];
  const places = values.map((_, index) => `$${index + 1}`);
  if (expiresIn !== undefined) {
    columns.push("expires_at"); // The column is named only when it is needed, because an operator's view may lack it.
    places.push(`now() + $${values.push(expiresIn)}::interval`);
  }
  await client.query(
    `insert into public.postgate_tokens (${columns.join(", ")}) values (${places.join(", ")})`,
    values,
  );
}
