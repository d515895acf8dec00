// Reads the environment and .env into a Config, which is checked once and frozen. Only this file reads process.env. It reports all bad
// settings at once, and never silently replaces a bad setting by its default.

import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { readEnvFile } from "./env-file.ts";
import { SETTINGS, type LogLevel, type Setting, type SettingValues } from "./settings.ts";
import type { SqlLogging } from "../observability/sql-log.ts";
import { isUnixSocket, type ConnectionSettings } from "../postgres/connection-settings.ts";
import type { SealingKeys } from "../tenants/sealing.ts";

export type DatabaseSource =
  | { readonly kind: "external"; readonly connection: ConnectionSettings }
  | {
      readonly kind: "embedded";
      readonly dataDir: string;
      /** How much memory each process of the server may have for itself; undefined for the default. */
      readonly memoryMb: number | undefined;
    };

/** Everything that the environment decides. It is read once and frozen. */
export interface Config {
  readonly database: DatabaseSource;
  /** The login for tenants' statements where Postgate may not make its own (POSTGATE_TENANT_DATABASE_URL). */
  readonly tenantConnection: ConnectionSettings | undefined;
  readonly host: string;
  readonly port: number;
  /** The port of the listener for /ready and /metrics; undefined for no listener (POSTGATE_OPS_PORT). */
  readonly opsPort: number | undefined;
  readonly maxBodyBytes: number;
  readonly maxSqlBytes: number;
  readonly maxResultBytes: number;
  readonly queryTimeoutMs: number;
  /** How long running statements may take to end when the gateway stops. */
  readonly shutdownTimeoutMs: number;
  readonly poolSize: number;
  /** The number of processes that serve the port together. They share the pool size (POSTGATE_WORKERS). */
  readonly workers: number;
  /** Must be false behind a pooler that runs each transaction in another session of the server (POSTGATE_PREPARED_STATEMENTS). */
  readonly preparedStatements: boolean;
  readonly logLevel: LogLevel;
  /** Whether statements are logged, as text or as fingerprints (POSTGATE_LOG_SQL). */
  readonly logSql: SqlLogging;
  readonly skipMigrations: boolean;
  /** Extensions that tenants may use (POSTGATE_EXTENSIONS). */
  readonly extensions: readonly string[];
  /** Whether POST /sql speaks Neon's SQL over HTTP (POSTGATE_NEON). */
  readonly neon: boolean;
  /** The origins whose pages may read answers of POST /query (POSTGATE_CORS_ORIGINS); `*` for all. */
  readonly corsOrigins: readonly string[];
  /** Servers that rows of dedicated databases may name (POSTGATE_DEDICATED_HOSTS); undefined for the default ones. */
  readonly dedicatedHosts?: readonly string[];
  /** The keys for connection strings of dedicated databases (POSTGATE_SEALING_KEY, POSTGATE_SEALING_KEY_OLD). */
  readonly sealingKeys: SealingKeys;
  /** Probable mistakes that do not stop the start, such as an unknown POSTGATE_… variable. */
  readonly warnings?: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadConfigOptions {
  /** The folder of `.env` and the start of relative folders; the default is the process's working folder. */
  readonly cwd?: string;
  /** Values that the caller sets and that override the environment (`--skip-migrations`). */
  readonly overrides?: Partial<Config>;
}

/** One or more settings cannot be used. The message names each of them with the accepted form, on one line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`bad configuration: ${faults.join("; ")}`);
    this.faults = faults;
  }
}

/**
 * Returns the settings of the environment, completed by the file `.env` and by the defaults.
 *
 * @throws ConfigError that names every bad setting when there is one, and Error when `.env` cannot be read.
 */
export function loadConfig(environment: Environment = process.env, options: LoadConfigOptions = {}): Config {
  const cwd = options.cwd ?? process.cwd();
  const variables = { ...readEnvFile(cwd), ...withoutUnset(environment) };
  const faults: string[] = [];
  const values = readValues(variables, faults);
  const database = chooseDatabase({ variables, values, cwd }, faults);
  if (database?.kind === "embedded" && values.tenantDatabaseUrl !== undefined)
    faults.push("POSTGATE_TENANT_DATABASE_URL: belongs to a database of your own; set DATABASE_URL too");
  requireSealingKey(variables, faults);
  requirePoolForWorkers(values, faults);
  if (faults.length > 0 || database === undefined) throw new ConfigError(faults);
  const warnings = Object.freeze(findUnknownNames(variables));
  return Object.freeze({ ...toConfig(values, database), warnings, ...options.overrides });
}

function toConfig(values: SettingValues, database: DatabaseSource): Config {
  return {
    database,
    tenantConnection: values.tenantDatabaseUrl,
    host: values.host,
    port: values.port,
    opsPort: values.opsPort,
    maxBodyBytes: values.maxBodySizeMb * 1024 * 1024,
    maxSqlBytes: values.maxSqlKb * 1024,
    maxResultBytes: values.maxResultMb * 1024 * 1024,
    queryTimeoutMs: values.queryTimeoutMs,
    shutdownTimeoutMs: values.shutdownTimeoutMs,
    poolSize: values.poolSize,
    workers: chooseWorkers(values),
    preparedStatements: values.preparedStatements,
    logLevel: values.logLevel,
    logSql: values.logSql,
    skipMigrations: values.skipMigrations,
    extensions: values.extensions,
    neon: values.neon,
    corsOrigins: values.corsOrigins,
    dedicatedHosts: values.dedicatedHosts,
    sealingKeys: Object.freeze({ current: values.sealingKey, old: values.oldSealingKey }),
  };
}

/** Each process needs this many connections: two for look-ups, one for the admin database, one for tenants. */
const LEAST_POOL_SIZE = 4;

/** Returns the number of workers. `auto` stands for one per core, but at most as many as the pool has connections for. */
function chooseWorkers({ workers, poolSize }: SettingValues): number {
  if (workers !== "auto") return workers;
  return Math.max(1, Math.min(availableParallelism(), Math.floor(poolSize / LEAST_POOL_SIZE)));
}

function requirePoolForWorkers({ workers, poolSize }: SettingValues, faults: string[]): void {
  if (workers === "auto" || workers === 1 || poolSize >= workers * LEAST_POOL_SIZE) return;
  faults.push(`POSTGATE_POOL_SIZE: ${workers} workers need at least ${workers * LEAST_POOL_SIZE} connections together`);
}

function withoutUnset(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined));
}

function readValues(variables: Environment, faults: string[]): SettingValues {
  const values = Object.entries<Setting<unknown>>(SETTINGS).map(([key, setting]) => [
    key,
    readValue(setting, variables[setting.name], faults),
  ]);
  return Object.fromEntries(values) as SettingValues; // Only this line builds SettingValues, key by key from SETTINGS.
}

function readValue(setting: Setting<unknown>, given: string | undefined, faults: string[]): unknown {
  const text = setting.isSecret ? given : given?.trim();
  if (text === undefined || text === "") return setting.fallback;
  const shown = setting.isSecret ? setting.name : `${setting.name}=${JSON.stringify(text.slice(0, 80))}`;
  try {
    const value = setting.parse(text);
    if (value === undefined) faults.push(`${shown}: must be ${setting.form}`);
    return value ?? setting.fallback;
  } catch (error) {
    faults.push(`${shown}: ${(error as Error).message}`);
    return setting.fallback;
  }
}

interface DatabaseChoice {
  readonly variables: Environment;
  readonly values: SettingValues;
  readonly cwd: string;
}

const POSTGRES_NAMES = ["POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"] as const;

/** Chooses the database. Returns undefined and adds a fault when the settings name no database or only parts of one. */
function chooseDatabase(choice: DatabaseChoice, faults: string[]): DatabaseSource | undefined {
  const { variables, values, cwd } = choice;
  if (variables["DATABASE_URL"]) return toExternal(values.databaseUrl); // A bad URL has its fault already.
  if (POSTGRES_NAMES.some((name) => variables[name] !== undefined)) return toExternal(combineParts(choice, faults));
  if (variables["DATABASE_URL"] === "")
    faults.push("DATABASE_URL: is empty; set it to a postgres:// URL, or unset it for the embedded PostgreSQL");
  else if (values.embedded)
    return Object.freeze({
      kind: "embedded",
      dataDir: resolve(cwd, values.dataDir),
      memoryMb: values.embeddedMemoryMb,
    });
  else faults.push("DATABASE_URL: must be set (or POSTGRES_HOST, …), because POSTGATE_EMBEDDED is off");
  return undefined;
}

function toExternal(connection: ConnectionSettings | undefined): DatabaseSource | undefined {
  return connection && Object.freeze({ kind: "external", connection });
}

function combineParts({ variables, values }: DatabaseChoice, faults: string[]): ConnectionSettings | undefined {
  const { postgresHost: host, postgresUser: user, postgresDatabase: database } = values;
  const password = variables["POSTGRES_PASSWORD"];
  if (host !== undefined && user !== undefined && database !== undefined && password !== undefined)
    return Object.freeze({
      host,
      port: values.postgresPort,
      user,
      password: values.postgresPassword,
      database,
      sslMode: isUnixSocket(host) ? "disable" : "prefer",
      sslRootCert: undefined,
    });
  const missing = POSTGRES_NAMES.filter((name) => name !== "POSTGRES_PORT" && !isGiven(variables, name));
  faults.push(`${missing.join(", ")}: must be set, as other POSTGRES_… variables are (or set DATABASE_URL instead)`);
  return undefined;
}

function isGiven(variables: Environment, name: string): boolean {
  const value = variables[name];
  return name === "POSTGRES_PASSWORD" ? value !== undefined : value !== undefined && value.trim() !== "";
}

function requireSealingKey(variables: Environment, faults: string[]): void {
  if (variables["POSTGATE_SEALING_KEY_OLD"] && !variables["POSTGATE_SEALING_KEY"])
    faults.push("POSTGATE_SEALING_KEY_OLD: only opens what was sealed before; set POSTGATE_SEALING_KEY too");
}

function findUnknownNames(variables: Environment): string[] {
  const known = new Set<string>(Object.values(SETTINGS).map(({ name }) => name));
  return Object.keys(variables)
    .filter((name) => name.startsWith("POSTGATE_") && !known.has(name))
    .map((name) => `${name} is not a setting of Postgate, and is ignored`);
}
