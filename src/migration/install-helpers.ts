// Puts postgate_helpers into a dedicated database. In the shared one they come with the migrations.

import type { ClientBase } from "pg";
import { withLockedTransaction } from "../postgres/locked-transaction.ts";
import { loadMigrations } from "./migration-files.ts";
import { MigrationError } from "./migration-error.ts";

const HELPERS = "0003_helpers";

/**
 * Idempotent, and safe when many calls come at once. Changes nothing where the helpers are.
 *
 * @param client a connection as the dedicated database's login, with no transaction open.
 * @throws PostgreSQL's own error, 42501 for one, when the login may not create them.
 */
export async function installHelpers(client: ClientBase): Promise<void> {
  const areThere = async (): Promise<boolean> => {
    const { rows } = await client.query<{ there: boolean }>(
      "select pg_catalog.to_regprocedure('postgate_helpers.columns_of_caller(text, text)') is not null as there",
    );
    return rows[0]?.there === true;
  };
  if (await areThere()) return; // A standby, where no transaction may write, has them from its primary.
  const helpers = (await loadMigrations()).find(({ name }) => name === HELPERS);
  if (helpers === undefined) throw new MigrationError(`the file migrations/${HELPERS}.sql is missing`);
  await withLockedTransaction(client, async () => {
    if (!(await areThere())) await client.query(helpers.sql);
  });
}
