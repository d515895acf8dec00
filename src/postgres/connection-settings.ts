/** libpq's `sslmode`. */
export type SslMode = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

/** Where and as whom to connect: one PostgreSQL URL, parsed. */
export interface ConnectionSettings {
  /** A host name or address, or the folder of a unix socket (starts with `/`). */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly sslMode: SslMode;
  /** A path to PEM certificates; undefined for the system's. */
  readonly sslRootCert: string | undefined;
}
