import type { ConnectionSettings } from "./postgres/connection-settings.ts";

export type LogLevel = "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";

export type DatabaseSource =
  | { readonly kind: "external"; readonly connection: ConnectionSettings }
  | { readonly kind: "embedded"; readonly dataDir: string };

/** Everything that the environment decides, read once, frozen. */
export interface Config {
  readonly database: DatabaseSource;
  /** The login for tenants' statements where Postgate may not make its own (POSTGATE_TENANT_DATABASE_URL). */
  readonly tenantConnection: ConnectionSettings | undefined;
  readonly host: string;
  readonly port: number;
  readonly maxBodyBytes: number;
  readonly maxSqlBytes: number;
  readonly maxResultBytes: number;
  readonly queryTimeoutMs: number;
  readonly poolSize: number;
  readonly logLevel: LogLevel;
  readonly skipMigrations: boolean;
  /** Extensions that tenants may use (POSTGATE_EXTENSIONS). */
  readonly extensions: readonly string[];
}
