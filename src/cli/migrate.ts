import type { Config } from "../config/load-config.ts";
import { migrate } from "../migration/migrate.ts";
import { describeError } from "./failure.ts";
import type { CommandContext } from "./terminal.ts";
import { withDatabase } from "./with-database.ts";

/** Brings the database up to date, and prints the migrations that were applied. */
export async function migrateCommand(config: Config, { terminal, signal }: CommandContext): Promise<void> {
  const { skipMigrations, extensions, tenantConnection: tenantLogin } = config;
  const { applied, failures } = await withDatabase(config, signal, (operator) =>
    migrate(operator, { skipMigrations, extensions, tenantLogin }),
  );
  for (const name of applied) terminal.print(`Applied ${name}`);
  if (applied.length === 0)
    terminal.print(skipMigrations ? "Migrations skipped; roles are up to date" : "The database is up to date");
  for (const { tenant, cause } of failures)
    terminal.note(
      `warning: database ${tenant.id} is not ready, and its first use tries again: ${describeError(cause)}`,
    );
}
