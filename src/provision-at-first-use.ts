// Makes the roles of tenants that came since the last migration, when their first statement asks for them. In charge of how
// many of these run: one at a time, on one connection of the operator's, and one for all that wait for the same tenant.

import { GatewayError } from "./errors.ts";
import { connect } from "./postgres/connect.ts";
import type { ConnectionSettings } from "./postgres/connection-settings.ts";
import type { SchemaTenant } from "./tenants/plan-tenants.ts";
import { provisionTenant } from "./tenants/provision-tenant.ts";
import type { InstallationRoles } from "./tenants/role-names.ts";

export function createProvisioner(
  operator: ConnectionSettings,
  roles: InstallationRoles,
): (tenant: SchemaTenant) => Promise<void> {
  const running = new Map<string, Promise<void>>();
  let last: Promise<unknown> = Promise.resolve();

  async function provision(tenant: SchemaTenant): Promise<void> {
    const client = await connect(operator, { applicationName: "postgate provisioning" }).catch((cause: unknown) => {
      throw new GatewayError("UNAVAILABLE", "The database cannot be made ready now", { cause });
    });
    try {
      await provisionTenant(client, roles, tenant);
    } finally {
      await client.end();
    }
  }

  return (tenant) => {
    const shared = running.get(tenant.id);
    if (shared !== undefined) return shared;
    const own = last.then(() => provision(tenant)).finally(() => running.delete(tenant.id));
    running.set(tenant.id, own);
    last = own.catch(() => undefined);
    return own;
  };
}
