import { describe, expect, it } from "vitest";
import { migrate } from "../../../src/migration/migrate.ts";
import { toScramVerifier } from "../../../src/postgres/scram-verifier.ts";
import { clusterConnection, openToEverybody } from "../../support/cluster.ts";
import { emptyDatabase, migrated, queryAs, VERSIONS } from "./support.ts";

const MIGRATIONS = [
  "0001_metadata",
  "0002_admin_functions",
  "0003_helpers",
  "0004_token_life_cycle",
  "0005_tenant_limits",
  "0006_delete_unused_database",
  "0007_rights_changes",
  "0008_max_relations",
];

describe.each(VERSIONS)("migrate on PostgreSQL %i", (version) => {
  it("makes an empty database ready, with the admin database as its only row", async () => {
    const database = await emptyDatabase(version);

    const { applied, failures } = await migrate(database.connection);

    expect(applied).toEqual(MIGRATIONS);
    expect(failures).toEqual([]);
    expect(
      await database.query("select id, name, backend_type, schema_name, max_rows from postgate_databases"),
    ).toEqual([
      {
        id: "00000000-0000-0000-0000-000000000000",
        name: "postgate_admin",
        backend_type: "schema",
        schema_name: "public",
        max_rows: 1000,
      },
    ]);
  });

  it("changes nothing the second time, and returns the same logins", async () => {
    const database = await emptyDatabase(version);
    const first = await migrate(database.connection);
    const stamp = "select xmin::text, relname, relowner, relacl from pg_class where relname ~ '^postgate' order by oid";
    const before = await database.query(stamp);

    const second = await migrate(database.connection);

    // They are compared as JSON, because each installation has its own functions for reading a changed password.
    expect(JSON.stringify(second)).toBe(JSON.stringify({ ...first, applied: [] }));
    expect(await database.query(stamp)).toEqual(before);
  });

  it("inserts the admin database's row again after it was deleted", async () => {
    const database = await emptyDatabase(version);
    await migrate(database.connection);
    await database.query("delete from postgate_databases");

    await migrate(database.connection);

    expect(await database.query("select name, schema_name from postgate_databases")).toEqual([
      { name: "postgate_admin", schema_name: "public" },
    ]);
  });

  it("does not wait long for an open transaction on a tenant's table", async () => {
    const database = await emptyDatabase(version);
    await migrate(database.connection);
    await database.query("create schema tenant_held");
    await database.query("create table tenant_held.t (id int)");
    await database.query("insert into postgate_databases (name, schema_name) values ('held', 'tenant_held')");
    await database.query("begin");
    await database.query("select * from tenant_held.t");

    const { failures } = await migrate(database.connection);

    await database.query("rollback");
    expect(failures).toMatchObject([{ tenant: { schema: "tenant_held" }, cause: { code: "55P03" } }]);
  });

  it("lets twenty instances start at once on an empty database", async () => {
    const database = await emptyDatabase(version);

    const installations = await Promise.all(Array.from({ length: 20 }, () => migrate(database.connection)));

    expect(installations.flatMap(({ applied }) => applied).sort()).toEqual(MIGRATIONS);
    expect(new Set(installations.map(({ auth, exec }) => `${auth.password} ${exec.password}`)).size).toBe(1);
  });

  it("refuses a database that a newer Postgate has migrated", async () => {
    const database = await emptyDatabase(version);
    await migrate(database.connection);
    await database.query("insert into postgate_private.migrations values (9999, '9999_future', 'x')");

    await expect(migrate(database.connection)).rejects.toThrow(
      "the database is newer than this Postgate (it has migration 9999_future): install a newer Postgate",
    );
  });

  it("refuses a migration file that differs from the one that was applied", async () => {
    const database = await emptyDatabase(version);
    await migrate(database.connection);
    await database.query("update postgate_private.migrations set checksum = 'x' where version = 2");

    await expect(migrate(database.connection)).rejects.toThrow(/0002_admin_functions is not the one that was applied/);
  });

  it("sets a new password for a login whose password is lost", async () => {
    const database = await emptyDatabase(version);
    const { exec } = await migrate(database.connection);
    await database.query("delete from postgate_private.logins where role_name like 'postgate_exec%'");

    const again = await migrate(database.connection);

    expect(again.exec.password).toMatch(/^[0-9a-f]{64}$/);
    expect(again.exec.password).not.toBe(exec.password);
  });

  it("stores a password in the same form as PostgreSQL", async () => {
    const database = await emptyDatabase(version);
    const { roles } = await migrate(database.connection);
    await database.query(`alter role ${roles.exec} password 'open sesame'`);
    const [{ rolpassword }] = await database.query("select rolpassword from pg_authid where rolname = $1", [
      roles.exec,
    ]);
    const salt = /:([^$]+)\$/.exec(rolpassword)?.[1] ?? "";

    expect(toScramVerifier("open sesame", Buffer.from(salt, "base64"))).toBe(rolpassword);
  });

  it("works for a login that may create roles and owns the database, but is not a superuser", async () => {
    const database = await emptyDatabase(version);
    const operator = await createLogin(database.connection.database, version, "createrole");
    await database.query(`alter database ${database.connection.database} owner to ${operator.user}`);

    const gateway = await migrated({ ...database, connection: operator });
    const [{ id, schema_name: schema }] = await queryAs(operator, "select * from public.create_tenant_database('x')");
    await migrate(operator);
    const tenant = gateway.tenant(id, schema);

    await tenant.run("create table notes (id serial primary key)");
    await tenant.run("insert into notes default values", "readWrite");
    expect(await tenant.run("select id from notes")).toEqual([{ id: 1 }]);
    expect(await queryAs(operator, "select public.delete_tenant_database($1) as gone", [id])).toEqual([{ gone: true }]);
    await migrate(operator);
    expect(await database.query(`select from pg_roles where rolname like '${tenant.roles.owner}%'`)).toEqual([]);
  });

  it("names the missing right of a login that may not create roles", async () => {
    const database = await emptyDatabase(version);
    const operator = await createLogin(database.connection.database, version, "");
    await database.query(`alter database ${database.connection.database} owner to ${operator.user}`);
    if (version < 15) await database.query("grant create on schema public to public");

    await expect(migrate(operator)).rejects.toThrow(/may not create roles: run ALTER ROLE/);
  });

  it("reports in one line that the login may create nothing in the database", async () => {
    const database = await emptyDatabase(version);
    await openToEverybody(database);
    const operator = await createLogin(database.connection.database, version, "createrole");

    await expect(migrate(operator)).rejects.toThrow(
      /could not make the database ready: permission denied for database/,
    );
  });

  it("keeps the roles and tenants of two databases on one server apart", async () => {
    const [first, second] = [await emptyDatabase(version), await emptyDatabase(version)];
    const [a, b] = [await migrated(first), await migrated(second)];

    expect(a.installation.roles.owner).not.toBe(b.installation.roles.owner);
    const tenant = await a.createTenant();
    await tenant.run("create table kept (id int)");
    await migrate(second.connection);
    expect(await tenant.run("select * from kept")).toEqual([]);
    await expect(
      queryAs({ ...a.installation.auth, database: second.connection.database }, "table postgate_tokens"),
    ).rejects.toThrow(/permission denied/);
  });

  it("deletes a tenant, with its roles, without touching another database on the server", async () => {
    const [first, second] = [await emptyDatabase(version), await emptyDatabase(version)];
    const [a, b] = [await migrated(first), await migrated(second)];
    const [going, staying] = [await a.createTenant("same"), await b.createTenant("same")];
    for (const tenant of [going, staying]) await tenant.run("create table kept as select 1 as id");
    const roles = async (): Promise<unknown[]> =>
      first.query("select rolname from pg_roles where rolname ~ $1 order by 1", [
        `^postgate_t(${a.installation.roles.databaseOid}|${b.installation.roles.databaseOid})_`,
      ]);
    expect(await roles()).toHaveLength(4);

    expect(await a.runAsAdmin("select delete_tenant_database($1) as gone", [going.id])).toEqual([{ gone: true }]);
    for (const database of [second, first]) expect((await migrate(database.connection)).failures).toEqual([]);

    expect(await roles()).toEqual([{ rolname: staying.roles.owner }, { rolname: staying.roles.readWrite }]);
    expect(await staying.run("select * from kept", "readWrite")).toEqual([{ id: 1 }]);
    expect(await b.runAsAdmin("select count(*)::int as n from postgate_databases")).toEqual([{ n: 2 }]);
  });

  async function createLogin(database: string, on: typeof version, options: string) {
    const user = `op_${database}`;
    await queryAs(clusterConnection(on), `create role ${user} login ${options}`);
    return { ...clusterConnection(on, database), user };
  }
});

describe("migrate", () => {
  it("names the place of a server that cannot be reached", async () => {
    await expect(migrate({ ...clusterConnection(18), port: 1 })).rejects.toThrow(/^cannot connect to database/);
  });
});
