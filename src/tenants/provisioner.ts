// Makes the roles of tenants that were created after the last migration, when their first statement needs them. One tenant is
// provisioned at a time, on one connection as the operator, and all requests that wait for the same tenant share one run.

import type { Client } from "pg";
import { GatewayError } from "../base/errors.ts";
import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { loadSchemaTenants } from "./load-schema-tenants.ts";
import { withTransaction } from "../postgres/locked-transaction.ts";
import { planTenants, type SchemaTenant } from "./plan-tenants.ts";
import { provisionTenant, provisionTenants } from "./provision-tenant.ts";
import type { InstallationRoles } from "./role-names.ts";

export interface Provisioner {
  /** Makes the roles of one tenant. */
  readonly provision: (tenant: SchemaTenant) => Promise<void>;
  /** Makes the roles of every tenant that lacks them. Resolves to false when no tenant was made ready. */
  readonly provisionAll: () => Promise<boolean>;
}

export function createProvisioner(operator: ConnectionSettings, roles: InstallationRoles): Provisioner {
  const takeTurn = createTurns();

  async function asOperator<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const client = await connect(operator, { applicationName: "postgate provisioning" }).catch((cause: unknown) => {
      throw new GatewayError("UNAVAILABLE", "The database cannot be made ready now", { cause });
    });
    try {
      return await use(client);
    } finally {
      await client.end();
    }
  }

  return {
    async provision(tenant) {
      await takeTurn(tenant.id, () =>
        asOperator(async (client) => {
          await provisionTenant(client, roles, tenant);
          return true;
        }),
      );
    },
    provisionAll: () => takeTurn("all", () => asOperator((client) => provisionUnready(client, roles))),
  };
}

async function provisionUnready(client: Client, roles: InstallationRoles): Promise<boolean> {
  const unready = await withTransaction(client, async () => {
    const tenants = await loadSchemaTenants(client);
    const plans = new Set(
      (await planTenants(client, roles, tenants)).flatMap(({ id, refusal }) => (refusal ? [] : [id])),
    );
    return tenants.filter(({ id }) => plans.has(id));
  });
  const failures = await provisionTenants(client, roles, unready);
  return failures.length < unready.length;
}

type TakeTurn = (key: string, work: () => Promise<boolean>) => Promise<boolean>;

/** Runs one piece of work at a time. A call whose key is already waiting or running shares that outcome. */
function createTurns(): TakeTurn {
  const running = new Map<string, Promise<boolean>>();
  let last: Promise<unknown> = Promise.resolve();
  return (key, work) => {
    const shared = running.get(key);
    if (shared !== undefined) return shared;
    const own = last.then(work).finally(() => running.delete(key));
    running.set(key, own);
    last = own.catch(() => undefined);
    return own;
  };
}
