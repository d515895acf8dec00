import type { ClientBase } from "pg";
import { GatewayError } from "../base/errors.ts";
import { parseTenant, TENANT_COLUMNS, type TenantRow } from "./parse-tenant.ts";
import type { SchemaTenant } from "./plan-tenants.ts";

/** Returns all tenants of the schema backend whose row can be served. */
export async function loadSchemaTenants(client: ClientBase): Promise<readonly SchemaTenant[]> {
  const { rows } = await client.query<TenantRow>(
    `select ${TENANT_COLUMNS.join(", ")} from public.postgate_databases where backend_type = 'schema'`,
  );
  return rows.map(toSchemaTenant).filter((tenant) => tenant !== undefined);
}

function toSchemaTenant(row: TenantRow): SchemaTenant | undefined {
  try {
    const { id, backend } = parseTenant(row);
    return backend.kind === "schema" ? { id, schema: backend.schema } : undefined;
  } catch (error) {
    if (error instanceof GatewayError) return undefined; // Each use of the tenant is refused with the same error.
    throw error;
  }
}
