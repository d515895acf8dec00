import type { Config } from "../config/load-config.ts";
import { withTransaction } from "../postgres/locked-transaction.ts";
import { parseTenant, TENANT_COLUMNS, type TenantRow } from "../tenants/parse-tenant.ts";
import { planTenants } from "../tenants/plan-tenants.ts";
import { provisionTenant } from "../tenants/provision-tenant.ts";
import type { DatabaseId } from "../tenants/tenant.ts";
import { CommandError } from "./failure.ts";
import { noSuchDatabase } from "./require-database.ts";
import type { CommandContext } from "./terminal.ts";
import { withInstallation } from "./with-installation.ts";

export interface Adoption {
  readonly databaseId: DatabaseId;
  readonly dryRun: boolean;
}

/** Gives the tenant the schema that its row names, with all that is in it, on the operator's word. Prints the SQL. */
export async function adopt(
  config: Config,
  { terminal, signal }: CommandContext,
  { databaseId, dryRun }: Adoption,
): Promise<void> {
  await withInstallation(config, signal, async ({ client, installation: { roles } }) => {
    const sql = `select ${TENANT_COLUMNS.join(", ")} from public.postgate_databases where id = $1`;
    const [row] = (await client.query<TenantRow>(sql, [databaseId])).rows;
    if (row === undefined) throw noSuchDatabase(databaseId);
    const { backend } = parseTenant(row, config.sealingKeys);
    if (backend.kind !== "schema") throw new CommandError(`database ${databaseId} has no schema of its own`);
    const tenant = { id: databaseId, schema: backend.schema, isOperatorsWord: true };
    const [plan] = await withTransaction(client, () => planTenants(client, roles, [tenant]));
    for (const statement of plan?.statements ?? []) terminal.print(`${statement};`);
    if (plan === undefined) terminal.note("The schema is the tenant's already");
    if (!dryRun) await provisionTenant(client, roles, tenant);
  });
}
