import type { Config } from "../config/load-config.ts";
import { migrate } from "../migration/migrate.ts";
import { withOperator } from "../embedded/with-operator.ts";

/** Migrates the database, and returns the names of the applied migrations. The library exports it as `migrate`. */
export async function migrateDatabase(config: Config): Promise<readonly string[]> {
  const { skipMigrations, extensions, tenantConnection: tenantLogin } = config;
  const { applied } = await withOperator(config, (operator) =>
    migrate(operator, { skipMigrations, extensions, tenantLogin }),
  );
  return applied;
}
