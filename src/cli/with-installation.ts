import type { Client } from "pg";
import type { Config } from "../config/load-config.ts";
import { type Installation, migrate } from "../migration/migrate.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { withClient, withDatabase } from "./with-database.ts";

export interface InstallationUse {
  readonly installation: Installation;
  readonly operator: ConnectionSettings;
  readonly client: Client;
}

/** Migrates the database, and calls `use` with a connection and with the installation, which has the roles. */
export async function withInstallation<T>(
  config: Config,
  signal: AbortSignal,
  use: (given: InstallationUse) => Promise<T>,
): Promise<T> {
  const { skipMigrations, extensions, tenantConnection: tenantLogin } = config;
  return withDatabase(config, signal, async (operator) => {
    const installation = await migrate(operator, { skipMigrations, extensions, tenantLogin });
    return withClient(operator, (client) => use({ installation, operator, client }));
  });
}
