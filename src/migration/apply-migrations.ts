// Applies the migration files that a database lacks, and keeps the ledger of them. Many instances may start at once: the one
// that holds the lock reads the ledger again before it applies a file.

import type { ClientBase } from "pg";
import { withLockedTransaction, withTransaction } from "../postgres/locked-transaction.ts";
import { MigrationError } from "./migration-error.ts";
import type { Migration } from "./migration-files.ts";
import type { ServerFacts } from "./server-facts.ts";

/** Postgate's private schema. Only the operator's login that creates it has rights on it. */
const PRIVATE_SCHEMA_SQL = `
create schema if not exists postgate_private;
create table if not exists postgate_private.migrations (
  version integer primary key,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default now()
);
create table if not exists postgate_private.logins (
  role_name text primary key,
  password text not null
);
revoke all on schema postgate_private from public;
revoke all on all tables in schema postgate_private from public;`;

/** Without the admin database's row no admin token works. A restart repairs a DELETE whose WHERE was too wide. */
const RESTORE_SEED_ROW_SQL = `
insert into public.postgate_databases (id, name, backend_type, schema_name)
select '00000000-0000-0000-0000-000000000000', 'postgate_admin', 'schema', 'public'
where not exists (select from public.postgate_databases where id = '00000000-0000-0000-0000-000000000000')
on conflict do nothing`;

interface LedgerRow {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

export async function ensurePrivateSchema(client: ClientBase, facts: ServerFacts): Promise<void> {
  if (!facts.hasPrivateSchema) await withLockedTransaction(client, () => client.query(PRIVATE_SCHEMA_SQL));
}

/**
 * Applies the missing files, each in a transaction of its own. Returns the names of those that this call applied.
 *
 * @throws MigrationError when the database is newer than these files, or was migrated with files that differ.
 */
export async function applyMigrations(
  client: ClientBase,
  migrations: readonly Migration[],
): Promise<readonly string[]> {
  const ledger = await withTransaction(client, () => readLedger(client));
  requireSameHistory(ledger, migrations);
  const known = new Set(ledger.map(({ version }) => version));
  const applied: string[] = [];
  for (const migration of migrations.filter(({ version }) => !known.has(version)))
    if (await applyMigration(client, migration)) applied.push(migration.name);
  await client.query(RESTORE_SEED_ROW_SQL);
  return applied;
}

/** Applies one file. Returns false when another instance has already applied it. */
async function applyMigration(client: ClientBase, migration: Migration): Promise<boolean> {
  return withLockedTransaction(client, async () => {
    const done = (await readLedger(client)).find(({ version }) => version === migration.version);
    if (done !== undefined) {
      requireSameHistory([done], [migration]);
      return false;
    }
    await client.query(migration.sql).catch((cause: unknown) => {
      throw new MigrationError(`migration ${migration.name} failed: ${messageOf(cause)}`, { cause });
    });
    await client.query("insert into postgate_private.migrations (version, name, checksum) values ($1, $2, $3)", [
      migration.version,
      migration.name,
      migration.checksum,
    ]);
    return true;
  });
}

async function readLedger(client: ClientBase): Promise<readonly LedgerRow[]> {
  const sql = "select version, name, checksum from postgate_private.migrations order by version";
  return (await client.query<LedgerRow>(sql)).rows;
}

function requireSameHistory(ledger: readonly LedgerRow[], migrations: readonly Migration[]): void {
  for (const done of ledger) {
    const ours = migrations.find(({ version }) => version === done.version);
    if (ours === undefined)
      throw new MigrationError(
        `the database is newer than this Postgate (it has migration ${done.name}): install a newer Postgate`,
      );
    if (ours.checksum !== done.checksum)
      throw new MigrationError(
        `migration ${ours.name} is not the one that was applied (its checksum differs): install an unchanged Postgate`,
      );
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
