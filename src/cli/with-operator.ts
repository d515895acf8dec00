import type { Client } from "pg";
import type { Config } from "../config.ts";
import { openEmbedded } from "../embedded/start-embedded.ts";
import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";

/**
 * Lends a connection to the shared database as the operator, whose login DATABASE_URL names.
 *
 * The embedded PostgreSQL is used as it runs, or started for `use` alone. An abort of `signal` cuts the connection, so
 * that what runs on it fails and everything is closed in order.
 */
export async function withOperator<T>(
  config: Config,
  signal: AbortSignal,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  if (config.database.kind === "external") return withClient(config.database.connection, signal, use);
  const embedded = await openEmbedded({ dataDir: config.database.dataDir });
  try {
    return await withClient(embedded.connection, signal, use);
  } finally {
    await embedded.stop();
  }
}

async function withClient<T>(
  connection: ConnectionSettings,
  signal: AbortSignal,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(connection, { applicationName: "postgate command", signal });
  const cut = (): unknown => client.connection.stream.destroy();
  signal.addEventListener("abort", cut, { once: true });
  try {
    return await use(client);
  } finally {
    signal.removeEventListener("abort", cut);
    await client.end();
  }
}
