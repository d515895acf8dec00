import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../../src/postgres/connect.ts";
import { provisionTenant } from "../../../src/tenants/provision-tenant.ts";
import { sweepRoles } from "../../../src/tenants/sweep-roles.ts";
import type { DatabaseId, SchemaName } from "../../../src/tenants/tenant.ts";
import { createTestDatabase } from "../../support/cluster.ts";
import { closeWithRoles, migrated, type Migrated, type TestTenant, VERSIONS } from "../migration/support.ts";

describe.each(VERSIONS)("on PostgreSQL %i", (version) => {
  let gateway: Migrated;
  let client: Client;

  beforeAll(async () => {
    gateway = await migrated(await createTestDatabase(version));
    client = await connect(gateway.database.connection);
  });
  afterAll(async () => {
    await client.end();
    await closeWithRoles(gateway.database);
  });

  async function newRow(): Promise<TestTenant> {
    const [row] = await gateway.database.query("select * from public.create_tenant_database('t')");
    return gateway.tenant(row.id, row.schema_name);
  }

  async function rolesOf(tenant: TestTenant): Promise<unknown[]> {
    const rows = await gateway.database.query("select rolname from pg_roles where rolname ^@ $1 order by 1", [
      tenant.roles.owner,
    ]);
    return rows.map(({ rolname }) => rolname);
  }

  describe("provisionTenant", () => {
    it("lets many instances provision one tenant at once", async () => {
      const tenant = await newRow();
      const clients = await Promise.all(Array.from({ length: 10 }, () => connect(gateway.database.connection)));

      await Promise.all(clients.map((each) => provisionTenant(each, gateway.installation.roles, tenant)));

      await Promise.all(clients.map((each) => each.end()));
      expect(await rolesOf(tenant)).toEqual([tenant.roles.owner, tenant.roles.readWrite]);
      expect(await tenant.run("create table notes (id int)")).toEqual([]);
    });

    it("makes a tenant ready whose schema and row were not made by the admin functions", async () => {
      const id = "dddddddd-0000-4000-8000-000000000004" as DatabaseId;
      await gateway.database.query(
        `create schema tenant_theirs; create table tenant_theirs.things (id serial); grant usage on schema tenant_theirs to public;
         insert into postgate_databases (id, name, schema_name) values ('${id}', 'theirs', 'tenant_theirs')`,
      );
      const tenant = gateway.tenant(id, "tenant_theirs");

      await provisionTenant(client, gateway.installation.roles, tenant);

      await tenant.run("insert into things default values", "readWrite");
      await tenant.run("alter table things add note text");
      const other = await gateway.createTenant();
      await expect(other.run("select * from tenant_theirs.things")).rejects.toMatchObject({ code: "42501" });
    });

    it("fails with DATABASE_NOT_FOUND and makes no role when the schema does not exist", async () => {
      const tenant = gateway.tenant("eeeeeeee-0000-4000-8000-000000000005", "nowhere");

      await expect(provisionTenant(client, gateway.installation.roles, tenant)).rejects.toMatchObject({
        code: "DATABASE_NOT_FOUND",
      });
      expect(await rolesOf(tenant)).toEqual([]);
    });

    it("leaves nothing behind when it fails half-way", async () => {
      const tenant = await newRow();
      const roles = { ...gateway.installation.roles, exec: "nobody_of_that_name" };

      await expect(provisionTenant(client, roles, tenant)).rejects.toMatchObject({ code: "42704" });
      expect(await rolesOf(tenant)).toEqual([]);
      await provisionTenant(client, gateway.installation.roles, tenant);
      expect(await rolesOf(tenant)).toHaveLength(2);
    });

    it("quotes a schema's name with any characters", async () => {
      const id = "ffffffff-0000-4000-8000-000000000006" as DatabaseId;
      const schema = `tenant_Odd "name"; drop schema public` as SchemaName;
      await gateway.database.query(`create schema "${schema.replaceAll('"', '""')}"`);

      await provisionTenant(client, gateway.installation.roles, { id, schema });

      expect(
        await gateway.database.query("select nspowner::regrole::text as owner from pg_namespace where nspname = $1", [
          schema,
        ]),
      ).toEqual([{ owner: gateway.installation.roles.owner }]);
    });
  });

  describe("sweepRoles", () => {
    it("drops the roles of a deleted tenant, and no other roles", async () => {
      const [gone, kept] = [await gateway.createTenant(), await gateway.createTenant()];
      const foreign = `postgate_t1_${gone.id.replaceAll("-", "")}`;
      await gateway.database.query(`create role ${foreign}`);
      await gone.run("create table notes (id serial); create type mood as enum ('ok')");
      await gateway.runAsAdmin("select delete_tenant_database($1)", [gone.id]);

      const swept = await sweepRoles(client, gateway.installation.roles);

      expect(swept).toEqual(expect.arrayContaining([gone.roles.owner, gone.roles.readWrite]));
      expect(await rolesOf(gone)).toEqual([]);
      expect(await rolesOf(kept)).toHaveLength(2);
      expect(await gateway.database.query("select from pg_roles where rolname = $1", [foreign])).toHaveLength(1);
      await gateway.database.query(`drop role ${foreign}`);
    });

    it("keeps the role of a schema that outlived its row, and the schema's objects", async () => {
      const tenant = await gateway.createTenant();
      await tenant.run("create table notes (id int)");
      await gateway.runAsAdmin("delete from postgate_databases where id = $1", [tenant.id]);

      await sweepRoles(client, gateway.installation.roles);

      expect(await rolesOf(tenant)).toHaveLength(2);
      expect(await tenant.run("select * from notes")).toEqual([]);
    });
  });
});
