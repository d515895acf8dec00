// Runs the migrations of drizzle-kit over HTTP. Drizzle's own migrator creates a separate schema for its ledger. Here the ledger is a
// table in the token's own schema, and each migration runs in one batch with its row in the ledger.

import type { PostgateClient } from "../client/index.ts";
import { unqualifyPublic } from "./unqualify-public.ts";

export interface MigrateOptions {
  /** The folder that drizzle-kit writes to. */
  readonly migrationsFolder: string;
}

/** `created_at` is unique, so that one of two migrators that run at the same time is refused and changes nothing. */
const CREATE_LEDGER = `create table if not exists "__drizzle_migrations" (
  id serial primary key, hash text not null, created_at bigint not null unique)`;
const READ_LEDGER = `select max(created_at)::text as latest from "__drizzle_migrations"`;
const WRITE_LEDGER = `insert into "__drizzle_migrations" (hash, created_at) values ($1, $2)`;

/**
 * Applies the migrations that are newer than the newest one in the ledger, in order. A migration that fails changes nothing, and
 * those after it are not run.
 *
 * @throws PostgateError as the client does.
 * @throws Error when the folder was not written by drizzle-kit.
 */
export async function migrate(
  client: Pick<PostgateClient, "query" | "batch">,
  { migrationsFolder }: MigrateOptions,
): Promise<void> {
  const { readMigrationFiles } = await import("drizzle-orm/migrator"); // It reads files, so browsers must not load it.
  const migrations = readMigrationFiles({ migrationsFolder });
  await client.query(CREATE_LEDGER);
  const { rows } = await client.query<{ latest: string | null }>(READ_LEDGER);
  const latest = Number(rows[0]?.latest ?? -1);
  for (const { sql, hash, folderMillis } of migrations) {
    if (folderMillis <= latest) continue;
    const statements = sql.map((text) => ({ sql: unqualifyPublic(text) })).filter((each) => each.sql.trim() !== "");
    await client.batch([{ sql: WRITE_LEDGER, params: [hash, folderMillis] }, ...statements]);
  }
}
