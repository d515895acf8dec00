// Parses one row of postgate_databases into a Tenant. Every SchemaName that comes from a row is made here.

import { GatewayError } from "../base/errors.ts";
import { parseConnectionUrl } from "../postgres/connection-settings.ts";
import { isSealed, NO_SEALING_KEYS, openSealed, type SealingKeys } from "./sealing.ts";
import { parseTenantLimits } from "./tenant-limits.ts";
import {
  ADMIN_DATABASE_ID,
  type Backend,
  DEFAULT_MAX_ROWS,
  type DatabaseId,
  type SchemaName,
  type Tenant,
} from "./tenant.ts";

/** The columns that parseTenant() always reads. An operator's views may have no other columns. */
export const TENANT_COLUMNS = ["id", "name", "backend_type", "schema_name", "connection_string", "max_rows"] as const;

/** The columns as PostgreSQL returns them: text, and numbers as JavaScript numbers or as text. */
export type TenantRow = Readonly<Record<(typeof TENANT_COLUMNS)[number] | "limits", unknown>>;

/** PostgreSQL's NAMEDATALEN - 1, in bytes. */
const MAX_IDENTIFIER_BYTES = 63;
/** A client may retry after this time, because the operator has to set the key and restart the gateway first. */
const KEY_RETRY_SECONDS = 60;
const OUR_SCHEMAS: readonly string[] = ["postgate_helpers", "postgate_private", "postgate_extensions"];

/**
 * Returns the tenant of a row.
 *
 * @throws GatewayError DATABASE_NOT_FOUND when the row names no schema that a tenant may have.
 * @throws GatewayError INTERNAL_ERROR when the row's backend or a limit cannot be used.
 * @throws GatewayError UNAVAILABLE when its connection string is sealed and no key opens it.
 */
export function parseTenant(row: TenantRow, keys: SealingKeys = NO_SEALING_KEYS): Tenant {
  const id = String(row.id) as DatabaseId;
  return {
    id,
    name: String(row.name),
    backend: parseBackend(id, row, keys),
    maxRows: parseMaxRows(row.max_rows),
    limits: parseTenantLimits(row.limits),
  };
}

function parseBackend(id: DatabaseId, row: TenantRow, keys: SealingKeys): Backend {
  if (id === ADMIN_DATABASE_ID) return { kind: "admin" };
  switch (row.backend_type) {
    case "schema":
      return { kind: "schema", schema: parseSchemaName(row.schema_name) };
    case "dedicated":
      return { kind: "dedicated", connection: parseDedicated(openConnectionString(id, row.connection_string, keys)) };
    default:
      throw new GatewayError("INTERNAL_ERROR", "This database's backend type is unknown");
  }
}

function parseSchemaName(value: unknown): SchemaName {
  const name = typeof value === "string" ? cutToIdentifier(value) : "";
  if (name !== "" && !isReservedSchema(name)) return name as SchemaName;
  throw databaseNotFound();
}

/** Returns the error for a valid token whose database does not exist, or does not exist any more. */
export function databaseNotFound(cause?: unknown): GatewayError {
  return new GatewayError("DATABASE_NOT_FOUND", "Database not found", { cause });
}

/** Tells whether the schema belongs to PostgreSQL or Postgate, and so is never served to a tenant. */
function isReservedSchema(name: string): boolean {
  return name === "public" || name === "information_schema" || name.startsWith("pg_") || OUR_SCHEMAS.includes(name);
}

/** Cuts a name to PostgreSQL's length. The original Postgate may have stored the full name of a schema whose name PostgreSQL cut silently. */
function cutToIdentifier(name: string): string {
  const bytes = Buffer.from(name, "utf8");
  if (bytes.length <= MAX_IDENTIFIER_BYTES) return name;
  let end = MAX_IDENTIFIER_BYTES;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--; // The cut is not inside a character.
  return bytes.toString("utf8", 0, end);
}

const CANNOT_BE_OPENED = "neither POSTGATE_SEALING_KEY nor POSTGATE_SEALING_KEY_OLD opens it";

function openConnectionString(id: DatabaseId, value: unknown, keys: SealingKeys): string {
  const text = String(value);
  if (!isSealed(text)) return text;
  const opened = openSealed(text, id, keys);
  if (opened !== undefined) return opened.connectionString;
  throw new GatewayError("UNAVAILABLE", "This database's connection string is sealed and cannot be opened", {
    retryAfterSeconds: KEY_RETRY_SECONDS,
    cause: new Error(keys.current === undefined ? "POSTGATE_SEALING_KEY is not set" : CANNOT_BE_OPENED),
  });
}

function parseDedicated(url: string): Extract<Backend, { kind: "dedicated" }>["connection"] {
  try {
    return parseConnectionUrl(url);
  } catch (cause) {
    throw new GatewayError("INTERNAL_ERROR", "This database's connection string cannot be used", { cause });
  }
}

function parseMaxRows(value: unknown): number | undefined {
  if (value === null || value === undefined) return DEFAULT_MAX_ROWS;
  const rows = Number(value);
  return rows < 0 ? undefined : rows;
}
