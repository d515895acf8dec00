// Makes a tenant ready to run statements: its roles, what they own, what they may. Done over the operator's login, at
// start for all tenants and at first use for one that came later.

import type { ClientBase } from "pg";
import { withLockedTransaction, withTransaction } from "../postgres/locked-transaction.ts";
import { databaseNotFound } from "./parse-tenant.ts";
import { planTenants, type SchemaTenant } from "./plan-tenants.ts";
import type { InstallationRoles } from "./role-names.ts";

/**
 * Idempotent, and safe when many instances do it at once: all or nothing, one after the other.
 *
 * @param client a connection as the operator, with no transaction open.
 * @throws GatewayError DATABASE_NOT_FOUND when the tenant's schema does not exist, or its row may not have it.
 */
export async function provisionTenant(
  client: ClientBase,
  roles: InstallationRoles,
  tenant: SchemaTenant,
): Promise<void> {
  await withLockedTransaction(client, async () => {
    const { rows } = await client.query("select from pg_namespace where nspname = $1", [tenant.schema]);
    if (rows.length === 0) throw databaseNotFound();
    const [plan] = await planTenants(client, roles, [tenant]);
    if (plan?.refusal !== undefined) throw databaseNotFound(new Error(plan.refusal));
    for (const statement of plan?.statements ?? []) await client.query(statement);
  });
}

/** A tenant that could not be made ready, and why. The others are. */
export interface ProvisioningFailure {
  readonly tenant: SchemaTenant;
  readonly cause: unknown;
}

/** Makes all of these tenants ready, each in a transaction of its own; takes no lock when none lacks anything. */
export async function provisionTenants(
  client: ClientBase,
  roles: InstallationRoles,
  tenants: readonly SchemaTenant[],
): Promise<readonly ProvisioningFailure[]> {
  const plans = await withTransaction(client, () => planTenants(client, roles, tenants));
  const unready = new Map(plans.map((plan) => [plan.id, plan]));
  const failures: ProvisioningFailure[] = [];
  for (const tenant of tenants.filter(({ id }) => unready.has(id))) {
    const refusal = unready.get(tenant.id)?.refusal;
    if (refusal !== undefined) {
      failures.push({ tenant, cause: new Error(refusal) });
      continue;
    }
    try {
      await provisionTenant(client, roles, tenant);
    } catch (cause) {
      failures.push({ tenant, cause });
    }
  }
  return failures;
}
