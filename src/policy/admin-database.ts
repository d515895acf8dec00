// The functions and fields that a token of the admin database may use, besides SQL itself.

import type { Permission } from "../base/permissions.ts";

/** The functions that manage tenants, with the permissions that a call needs: it reads its result and changes the two tables. */
export const ADMIN_FUNCTIONS: ReadonlyMap<string, readonly Permission[]> = new Map([
  ["create_tenant_database", ["SELECT", "INSERT"]],
  ["create_tenant_token", ["SELECT", "INSERT"]],
  ["delete_tenant_database", ["SELECT", "DELETE"]],
  ["delete_tenant_token", ["SELECT", "DELETE"]],
  ["rotate_tenant_token", ["SELECT", "INSERT", "DELETE"]],
]);

/**
 * Fields that `(value).name` may read on the admin database. The list is closed, because the same notation calls functions, and
 * the schema public may hold functions of the operator that nobody has reviewed.
 */
const ADMIN_COLUMNS: ReadonlySet<string> = new Set([
  ...["id", "name", "backend_type", "schema_name", "connection_string", "max_rows", "created_at"],
  ...["database_id", "token_hash", "token_prefix", "allowed_operations", "last_used_at", "token"],
  ...["expires_at", "successor_id", "statement_timeout_ms", "max_result_bytes", "max_concurrent_queries"],
  ...["requests_per_second", "request_burst", "max_relations"],
  ...["key", "value", "ordinality"],
]);

export function isAdminColumn(name: string): boolean {
  return ADMIN_COLUMNS.has(name);
}
