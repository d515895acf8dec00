// The library `postgate`. Importing it opens nothing and loads neither the server nor the driver nor the parser: each
// function loads the modules that it needs when it is called.

import type { Config } from "./config/load-config.ts";
import type { Gateway } from "./gateway.ts";
import type { Observe } from "./observability/observation.ts";
import type { ApprovedFacts } from "./library/parse-and-approve.ts";
import type { Permission } from "./base/permissions.ts";

export {
  type Config,
  ConfigError,
  type DatabaseSource,
  loadConfig,
  type LoadConfigOptions,
} from "./config/load-config.ts";
export { ERROR_CODES, type ErrorCode, type ErrorDetails, GatewayError, type RefusalReason } from "./base/errors.ts";
export type { Gateway, Listening } from "./gateway.ts";
export type { Observation, Observe } from "./observability/observation.ts";
export type { ApprovedFacts } from "./library/parse-and-approve.ts";
export { DEFAULT_PERMISSIONS, type Permission, PERMISSIONS } from "./base/permissions.ts";
export type { PostgateErrorResponse, PostgateQueryRequest, PostgateQueryResponse } from "./base/api-types.ts";

/**
 * Judges a statement as the gateway would for a tenant's token with these permissions.
 *
 * @throws GatewayError PARSE_ERROR with its reason, or INVALID_REQUEST for a text with a NUL character or a lone surrogate.
 * @throws TypeError when `sql` is no string or a permission does not exist.
 */
export async function parseAndApprove(sql: string, permissions: Iterable<Permission>): Promise<ApprovedFacts> {
  const loaded = await import("./library/parse-and-approve.ts");
  return loaded.parseAndApprove(sql, permissions);
}

/**
 * Creates a gateway in this process.
 *
 * @param observe receives the observations, in place of the log on stderr
 */
export function createGateway(config: Config, observe?: Observe): Gateway {
  let created: Promise<Gateway> | undefined;
  return {
    async listen() {
      created ??= import("./gateway.ts").then((loaded) => loaded.createGateway(config, observe));
      return (await created).listen();
    },
    async close() {
      await (await created)?.close();
    },
  };
}

/**
 * Applies pending migrations and corrects roles and grants, as `postgate migrate` does.
 *
 * @returns the names of the migrations that were applied.
 * @throws Error when a migration cannot be applied. The message is one line and says what to do.
 */
export async function migrate(config: Config): Promise<readonly string[]> {
  const loaded = await import("./library/migrate-database.ts");
  return loaded.migrateDatabase(config);
}
