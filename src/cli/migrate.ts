import type { Client } from "pg";
import type { Config } from "../config.ts";
import { withOperator } from "./with-operator.ts";

/** Lends the operator's connection to a database that is up to date, unless migrations are to be left alone. */
export async function withMigratedDatabase<T>(
  config: Config,
  signal: AbortSignal,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  return withOperator(config, signal, use);
}
