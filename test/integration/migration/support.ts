// Helps tests of the database side with connections as a login or a role, and with tenants.

import type { Client } from "pg";
import { onTestFinished } from "vitest";
import { migrate, type Installation, type MigrateOptions } from "../../../src/migration/migrate.ts";
import { connect } from "../../../src/postgres/connect.ts";
import type { ConnectionSettings } from "../../../src/postgres/connection-settings.ts";
import { provisionTenant } from "../../../src/tenants/provision-tenant.ts";
import { type TenantRoles, tenantRolesOf } from "../../../src/tenants/role-names.ts";
import type { DatabaseId, SchemaName } from "../../../src/tenants/tenant.ts";
import { type ClusterVersion, createTestDatabase, hasCluster, type TestDatabase } from "../../support/cluster.ts";

export const VERSIONS = ([18, 15] as const).filter(hasCluster);

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests know their rows
export type Rows = any[];

/** Creates a database, which is dropped when the test ends, with the roles whose names contain its oid. */
export async function emptyDatabase(version: ClusterVersion): Promise<TestDatabase> {
  const database = await createTestDatabase(version);
  onTestFinished(() => closeWithRoles(database));
  return database;
}

export async function closeWithRoles(database: TestDatabase): Promise<void> {
  const [row] = await database.query("select oid::text from pg_database where datname = current_database()");
  const settings = { ...database.connection, database: "postgres" };
  await database.close();
  const roles = await queryAs(
    settings,
    "select rolname from pg_roles where rolname ~ ('^postgate_(.*_|t)' || $1 || '(_|$)')",
    [row.oid],
  );
  for (const { rolname } of roles) await queryAs(settings, `drop role if exists ${rolname}`).catch(() => undefined);
}

export async function queryAs(settings: ConnectionSettings, sql: string, params?: unknown[]): Promise<Rows> {
  const client = await connect(settings);
  try {
    return (await client.query(sql, params)).rows;
  } finally {
    await client.end();
  }
}

export interface TestTenant {
  readonly id: DatabaseId;
  readonly schema: SchemaName;
  readonly roles: TenantRoles;
  /** Runs as the gateway runs a tenant's statements: the exec login takes the role, on the tenant's search_path. */
  run(sql: string, mode?: keyof TenantRoles): Promise<Rows>;
}

export interface Migrated {
  readonly database: TestDatabase;
  readonly installation: Installation;
  createTenant(name?: string): Promise<TestTenant>;
  /** Returns a tenant whose row already exists. */
  tenant(id: string, schema: string): TestTenant;
  /** Runs as the gateway runs the admin database's statements. */
  runAsAdmin(sql: string, params?: unknown[]): Promise<Rows>;
}

export async function migrated(database: TestDatabase, options?: MigrateOptions): Promise<Migrated> {
  const installation = await migrate(database.connection, options);
  const tenant = (id: string, schema: string): TestTenant => toTenant(installation, id, schema);
  return {
    database,
    installation,
    tenant,
    async createTenant(name = "some name") {
      const [row] = await database.query("select * from public.create_tenant_database($1)", [name]);
      const created = tenant(row.id, row.schema_name);
      await withClient(database.connection, (client) => provisionTenant(client, installation.roles, created));
      return created;
    },
    runAsAdmin: (sql, params) =>
      withClient(installation.auth, async (client) => {
        await client.query(`set role ${installation.roles.admin}; set search_path = public, pg_temp`);
        return (await client.query(sql, params)).rows;
      }),
  };
}

function toTenant(installation: Installation, id: string, schema: string): TestTenant {
  const roles = tenantRolesOf(installation.roles.databaseOid, id as DatabaseId);
  return {
    id: id as DatabaseId,
    schema: schema as SchemaName,
    roles,
    run: (sql, mode = "owner") =>
      withClient(installation.exec, async (client) => {
        await client.query(`set search_path = "${schema}", pg_temp; set role ${roles[mode]}`);
        const results: unknown = await client.query(sql);
        return ((Array.isArray(results) ? results.at(-1) : results) as { rows: Rows }).rows; // Several statements have one result each.
      }),
  };
}

async function withClient<T>(settings: ConnectionSettings, use: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(settings);
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
