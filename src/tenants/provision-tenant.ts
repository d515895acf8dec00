// Makes a tenant ready to run statements: its roles, their objects and their rights. The operator's login does this for all
// tenants when the gateway starts, and for a later tenant at its first use.

import type { ClientBase } from "pg";
import { withLockedTransaction, withTransaction } from "../postgres/locked-transaction.ts";
import { databaseNotFound } from "./parse-tenant.ts";
import { planTenants, type SchemaTenant } from "./plan-tenants.ts";
import type { InstallationRoles } from "./role-names.ts";

/**
 * Makes one tenant ready in one transaction. It is idempotent. Many instances may call it at once: they take turns.
 *
 * @param client a connection as the operator, with no transaction open
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

/** A tenant that could not be made ready, and the cause. It does not stop the other tenants. */
export interface ProvisioningFailure {
  readonly tenant: SchemaTenant;
  readonly cause: unknown;
}

/** Makes these tenants ready, each in a transaction of its own. Takes no lock when none lacks anything. Returns the failures. */
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
