import type { Config } from "../config/load-config.ts";
import { openEmbedded } from "./start-embedded.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";

/**
 * Calls `use` with the operator's connection to the shared database, which is the login that DATABASE_URL names. An embedded
 * PostgreSQL that runs already is used as it is; otherwise it is started for `use` alone.
 */
export async function withOperator<T>(config: Config, use: (operator: ConnectionSettings) => Promise<T>): Promise<T> {
  if (config.database.kind === "external") return use(config.database.connection);
  const embedded = await openEmbedded(config.database);
  try {
    return await use(embedded.connection);
  } finally {
    await embedded.stop();
  }
}
