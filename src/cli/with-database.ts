import { once } from "node:events";
import type { Client } from "pg";
import type { Config } from "../config/load-config.ts";
import { migrate } from "../migration/migrate.ts";
import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { isDataDir } from "../embedded/open-data-dir.ts";
import { withOperator } from "../embedded/with-operator.ts";
import { CommandError } from "./failure.ts";

/**
 * Calls `use` with the operator's connection to the shared database, as `withOperator` does.
 *
 * @throws CommandError when there is no embedded database yet. Only `serve` creates one, so that a command in the wrong folder does
 * not work on a new and empty database.
 * @throws the reason of `signal` when it is aborted. It does not wait for `use`, but it waits until a server that was started for
 * `use` has stopped.
 */
export async function withDatabase<T>(
  config: Config,
  signal: AbortSignal,
  use: (operator: ConnectionSettings) => Promise<T>,
): Promise<T> {
  if (config.database.kind === "embedded") await requireDataDir(config.database.dataDir);
  return withOperator(config, (operator) => untilAborted(signal, use(operator)));
}

async function requireDataDir(dataDir: string): Promise<void> {
  if (await isDataDir(dataDir)) return;
  throw new CommandError(
    `there is no database in ${dataDir}; run this in the folder where the gateway was started, set POSTGATE_DATA_DIR or DATABASE_URL, or create a database here with "postgate serve"`,
  );
}

/** Calls `use` with the operator's connection. Migrates the database first, unless the configuration skips migrations. */
export async function withMigratedDatabase<T>(
  config: Config,
  signal: AbortSignal,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  return withDatabase(config, signal, async (operator) => {
    if (!config.skipMigrations) await migrate(operator, { tenantLogin: config.tenantConnection });
    return withClient(operator, use);
  });
}

/** Calls `use` with a connection that is open for one command. */
export async function withClient<T>(operator: ConnectionSettings, use: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(operator, { applicationName: "postgate command" });
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Settles as `work` does, or rejects as soon as `signal` is aborted. Work that still runs then ends with the process. */
export async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const settled = new AbortController();
  const aborted = async (): Promise<never> => {
    if (!signal.aborted) await once(signal, "abort", { signal: settled.signal });
    throw signal.reason;
  };
  try {
    return await Promise.race([work, aborted()]);
  } finally {
    settled.abort();
  }
}
