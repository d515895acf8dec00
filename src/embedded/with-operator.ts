import type { Config } from "../config/load-config.ts";
import { openEmbedded } from "./start-embedded.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";

/**
 * Tells `use` where the shared database is, as the operator whose login DATABASE_URL names. The embedded PostgreSQL is
 * used as it runs, or started for `use` alone.
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
