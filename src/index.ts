// The library `postgate`. Importing it opens nothing and loads neither the server nor the driver nor the parser: each
// function loads what it needs when it is called.

import type { Config } from "./config.ts";
import type { Gateway } from "./gateway.ts";
import type { Observe } from "./observability/observation.ts";
import { isPermission, type Permission, PERMISSIONS } from "./permissions.ts";
import type { StatementFacts } from "./policy/approved-statement.ts";

export { type Config, ConfigError, type DatabaseSource, loadConfig, type LoadConfigOptions } from "./config.ts";
export { ERROR_CODES, type ErrorCode, type ErrorDetails, GatewayError, type RefusalReason } from "./errors.ts";
export type { Gateway } from "./gateway.ts";
export type { Observation, Observe } from "./observability/observation.ts";
export { DEFAULT_PERMISSIONS, type Permission, PERMISSIONS } from "./permissions.ts";
export type { PostgateErrorResponse, PostgateQueryRequest, PostgateQueryResponse } from "./protocol.ts";
