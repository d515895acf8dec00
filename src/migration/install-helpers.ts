// Creates the schema postgate_helpers in a dedicated database. In the shared database the migrations create it.

import type { ClientBase } from "pg";
import { withLockedTransaction } from "../postgres/locked-transaction.ts";
import { loadMigrations } from "./migration-files.ts";
import { MigrationError } from "./migration-error.ts";

const HELPERS = "0003_helpers";

/**
 * Creates the helpers, and changes nothing if they exist. Many calls may run at once.
 *
 * @param client a connection as the dedicated database's login, with no transaction open
 * @throws PostgreSQL's own error, for example 42501, when the login may not create them.
 */
export async function installHelpers(client: ClientBase): Promise<void> {
  const areThere = async (): Promise<boolean> => {
    const { rows } = await client.query<{ there: boolean }>(
      "select pg_catalog.to_regprocedure('postgate_helpers.columns_of_caller(text, text)') is not null as there",
    );
    return rows[0]?.there === true;
  };
  if (await areThere()) return; // No transaction may write on a standby, but it has the helpers from its primary.
  const helpers = (await loadMigrations()).find(({ name }) => name === HELPERS);
  if (helpers === undefined) throw new MigrationError(`the file migrations/${HELPERS}.sql is missing`);
  await withLockedTransaction(client, async () => {
    if (!(await areThere())) await client.query(helpers.sql);
  });
}
