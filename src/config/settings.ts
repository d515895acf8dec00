// Defines every setting: its name, its default and the values that it accepts. Parsing, docs/reference/configuration.md and
// .env.example follow this table; a test ensures that they agree.

import type { KeyObject } from "node:crypto";
import { DEDICATED_HOSTS_FORM, DEFAULT_DEDICATED_HOSTS, isHostRule } from "../dedicated/host-rules.ts";
import { parseConnectionUrl, type ConnectionSettings } from "../postgres/connection-settings.ts";
import type { SqlLogging } from "../observability/sql-log.ts";
import { parseSealingKey } from "../tenants/sealing.ts";

export type LogLevel = "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";

export interface Setting<T> {
  readonly name: string;
  /** The value when the setting is not set. */
  readonly fallback: T;
  /** The fallback as an operator would write it; empty when there is none. */
  readonly defaultText: string;
  /** The accepted form. It completes the sentence "must be …". */
  readonly form: string;
  /** Whether the value must never be shown. */
  readonly isSecret: boolean;
  /**
   * Parses the text. Returns undefined when the text does not have the form.
   *
   * @throws Error with the reason when the text has the form but its content is wrong.
   */
  readonly parse: (text: string) => T | undefined;
}

const LOG_LEVELS: readonly LogLevel[] = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];
const SQL_LOGGING: readonly SqlLogging[] = ["off", "fingerprint", "full"];
const TRUE = ["true", "1", "on", "yes"];
const FALSE = ["false", "0", "off", "no"];

export const SETTINGS = {
  databaseUrl: connection("DATABASE_URL"),
  postgresHost: text("POSTGRES_HOST", "a host name, an address or the folder of a unix socket"),
  postgresPort: integer("POSTGRES_PORT", { fallback: 5_432, min: 1, max: 65_535 }),
  postgresUser: text("POSTGRES_USER", "the name of a login"),
  postgresPassword: {
    ...text("POSTGRES_PASSWORD", "the login's password, or empty where none is asked for"),
    isSecret: true,
  },
  postgresDatabase: text("POSTGRES_DB", "the name of a database"),
  tenantDatabaseUrl: connection("POSTGATE_TENANT_DATABASE_URL"),
  embedded: flag("POSTGATE_EMBEDDED", true),
  dataDir: withDefault(text("POSTGATE_DATA_DIR", "a folder, from the working directory or absolute"), ".postgate"),
  /** PostgreSQL's own processes have the same limit, and need some of it. */
  embeddedMemoryMb: optional(integer("POSTGATE_EMBEDDED_MEMORY_MB", { fallback: 0, min: 64, max: 1_048_576 })),
  host: withDefault(text("POSTGATE_HOST", "a host name or an address of this machine"), "127.0.0.1"),
  /** For 0, the system chooses a free port. */
  port: integer("POSTGATE_PORT", { fallback: 3_000, min: 0, max: 65_535 }),
  opsPort: optional(integer("POSTGATE_OPS_PORT", { fallback: 0, min: 1, max: 65_535 })),
  /** A body becomes one JavaScript string, which holds at most 512 MB. */
  maxBodySizeMb: integer("MAX_BODY_SIZE_MB", { fallback: 10, min: 1, max: 256 }),
  /** 1 MB of SQL costs the parser a third of a second and 170 MB of memory. */
  maxSqlKb: integer("POSTGATE_MAX_SQL_KB", { fallback: 256, min: 1, max: 1_024 }),
  /** An answer becomes one JavaScript string too, and the JSON of a value can be six times as long as its text. */
  maxResultMb: integer("POSTGATE_MAX_RESULT_MB", { fallback: 32, min: 1, max: 64 }),
  /** There is no value for "unlimited", because a statement without an end would keep its connection forever. */
  queryTimeoutMs: integer("POSTGATE_QUERY_TIMEOUT_MS", { fallback: 30_000, min: 1, max: 3_600_000 }),
  shutdownTimeoutMs: integer("POSTGATE_SHUTDOWN_TIMEOUT_MS", { fallback: 10_000, min: 0, max: 3_600_000 }),
  poolSize: integer("POSTGATE_POOL_SIZE", { fallback: 20, min: 1, max: 1_000 }),
  workers: workerCount("POSTGATE_WORKERS"),
  preparedStatements: flag("POSTGATE_PREPARED_STATEMENTS", true),
  logLevel: oneOf("POSTGATE_LOG_LEVEL", LOG_LEVELS, "info"),
  logSql: oneOf("POSTGATE_LOG_SQL", SQL_LOGGING, "off"),
  skipMigrations: flag("POSTGATE_SKIP_MIGRATIONS", false),
  extensions: list("POSTGATE_EXTENSIONS", {
    form: "names of extensions, separated by commas",
    accepts: (each) => /^[a-z_][a-z0-9_-]{0,62}$/.test(each),
  }),
  neon: flag("POSTGATE_NEON", false),
  corsOrigins: list("POSTGATE_CORS_ORIGINS", {
    form: "origins as browsers send them, such as https://app.example, separated by commas, or * for all",
    accepts: (each) => each === "*" || isOrigin(each),
  }),
  dedicatedHosts: {
    ...list("POSTGATE_DEDICATED_HOSTS", { form: DEDICATED_HOSTS_FORM, accepts: isHostRule }),
    fallback: DEFAULT_DEDICATED_HOSTS,
    defaultText: DEFAULT_DEDICATED_HOSTS.join(),
  },
  sealingKey: secretKey("POSTGATE_SEALING_KEY"),
  oldSealingKey: secretKey("POSTGATE_SEALING_KEY_OLD"),
} as const;

export type SettingValues = {
  readonly [Key in keyof typeof SETTINGS]: (typeof SETTINGS)[Key] extends Setting<infer T> ? T : never;
};

function text(name: string, form: string): Setting<string | undefined> {
  return { name, form, fallback: undefined, defaultText: "", isSecret: false, parse: (given) => given };
}

function withDefault(setting: Setting<string | undefined>, fallback: string): Setting<string> {
  return { ...setting, fallback, defaultText: fallback, parse: (given) => given };
}

function optional<T>(setting: Setting<T>): Setting<T | undefined> {
  return { ...setting, fallback: undefined, defaultText: "" };
}

function connection(name: string): Setting<ConnectionSettings | undefined> {
  const form = "postgres://user:password@host:port/database, with ?sslmode=… and other parameters of libpq";
  return { name, form, fallback: undefined, defaultText: "", isSecret: true, parse: parseConnectionUrl };
}

function secretKey(name: string): Setting<KeyObject | undefined> {
  const form = "32 random bytes in base64 or as 64 hex digits (openssl rand -base64 32)";
  return { name, form, fallback: undefined, defaultText: "", isSecret: true, parse: parseSealingKey };
}

interface IntegerRange {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}

function integer(name: string, { fallback, min, max }: IntegerRange): Setting<number> {
  return {
    name,
    form: `a whole number from ${min} to ${max}`,
    fallback,
    defaultText: String(fallback),
    isSecret: false,
    parse(given) {
      const number = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
      return number >= min && number <= max ? number : undefined;
    },
  };
}

function workerCount(name: string): Setting<number | "auto"> {
  const count = integer(name, { fallback: 1, min: 1, max: 250 });
  const parse = (given: string): number | "auto" | undefined => (given === "auto" ? "auto" : count.parse(given));
  return { ...count, form: `auto, or ${count.form}`, parse };
}

function flag(name: string, fallback: boolean): Setting<boolean> {
  return {
    name,
    form: "on, off, true, false, yes, no, 1 or 0",
    fallback,
    defaultText: fallback ? "on" : "off",
    isSecret: false,
    parse(given) {
      const word = given.toLowerCase();
      if (TRUE.includes(word)) return true;
      return FALSE.includes(word) ? false : undefined;
    },
  };
}

function oneOf<T extends string>(name: string, values: readonly T[], fallback: T): Setting<T> {
  const form = `one of ${values.join(", ")}`;
  const parse = (given: string): T | undefined => values.find((value) => value === given.toLowerCase());
  return { name, form, fallback, defaultText: fallback, isSecret: false, parse };
}

interface ListForm {
  readonly form: string;
  readonly accepts: (each: string) => boolean;
}

function list(name: string, { form, accepts }: ListForm): Setting<readonly string[]> {
  return {
    name,
    form,
    fallback: Object.freeze([]),
    defaultText: "",
    isSecret: false,
    parse(given) {
      const elements = given.split(",").map((each) => each.trim());
      return elements.every(accepts) ? Object.freeze([...new Set(elements)]) : undefined;
    },
  };
}

/** Tells whether the text is an origin exactly as browsers write it. Origins are compared as text and are not parsed later. */
function isOrigin(text: string): boolean {
  if (text.includes("*") || !URL.canParse(text)) return false;
  const { protocol, host, origin } = new URL(text);
  // The class URL reports the origin "null" for the schemes of apps (capacitor://localhost).
  return host !== "" && text === (origin === "null" ? `${protocol}//${host}` : origin);
}
