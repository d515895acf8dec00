import { describe, expect, it, onTestFinished } from "vitest";
import { describeDangers } from "../../../src/migration/find-dangers.ts";
import { describeLockdown, lockDown, rehearseLockdown, unlock } from "../../../src/migration/lockdown.ts";
import { migrate } from "../../../src/migration/migrate.ts";
import { connect } from "../../../src/postgres/connect.ts";
import { type ClusterVersion, openToEverybody, type TestDatabase } from "../../support/cluster.ts";
import { emptyDatabase, migrated, queryAs, VERSIONS } from "./support.ts";

const PUBLIC_RIGHTS_SQL = `
select has_database_privilege('public', current_database(), 'CONNECT') as connect,
       has_schema_privilege('public', 'information_schema', 'USAGE') as schema,
       has_table_privilege('public', 'pg_catalog.pg_roles', 'SELECT') as catalog,
       has_function_privilege('public', 'pg_catalog.set_config(text, text, boolean)', 'EXECUTE') as function,
       has_language_privilege('public', 'plpgsql', 'USAGE') as language`;
const ALL = { connect: true, schema: true, catalog: true, function: true, language: true };
const NONE = { connect: false, schema: false, catalog: false, function: false, language: false };

async function login(database: TestDatabase, name: string, options = ""): Promise<string> {
  const [row] = await database.query("select oid::text from pg_database where datname = current_database()");
  const role = `${name}_${row.oid}`;
  await database.query(`create role ${role} login ${options}`);
  onTestFinished(async () => {
    await queryAs({ ...database.connection, database: "postgres" }, `drop role if exists ${role}`).catch(
      () => undefined,
    );
  });
  return role;
}

describe("the line about logins that need PUBLIC's rights", () => {
  it("names ten at most, each within its line", () => {
    const logins = ["grafana", 'odd "name"\nforged line', ...Array.from({ length: 10 }, (_, index) => `app_${index}`)];
    const line = describeLockdown({ kind: "relied-on", beyond: 0, logins });

    expect(line).toContain(String.raw`("grafana", "odd \"name\"\nforged line", "app_0",`);
    expect(line).toContain('"app_7" and 2 more)');
    expect(line).not.toMatch(/\n|app_8/);
    expect(describeLockdown({ kind: "relied-on", beyond: 0, logins: ["grafana"] })).toContain('CONNECT ("grafana")');
  });
});

describe.each(VERSIONS)("the lock-down on PostgreSQL %i", (version: ClusterVersion) => {
  it("runs at the start if the database holds only Postgate's objects, and changes nothing the second time", async () => {
    const database = await emptyDatabase(version);
    const { installation } = await migrated(database);

    expect(installation.lockdown).toEqual({ kind: "locked", beyond: 0 });
    expect(describeLockdown(installation.lockdown)).toBeUndefined();
    expect(await database.query(PUBLIC_RIGHTS_SQL)).toEqual([NONE]);
    const client = await connect(database.connection);
    try {
      expect((await rehearseLockdown(client, installation.roles)).taken).toEqual([]);
    } finally {
      await client.end();
    }
  });

  it("waits for the operator if the database holds other objects, and lets all other logins keep their rights", async () => {
    const database = await emptyDatabase(version);
    await openToEverybody(database);
    await database.query("create schema app; create table app.orders (id int); insert into app.orders values (1)");
    const app = await login(database, "app");
    const detached = await login(database, "detached", "noinherit");
    const monitor = await login(database, "monitor", "in role pg_monitor");
    await database.query(
      `grant usage on schema app to ${app}, ${detached}; grant select on app.orders to ${app}, ${detached}`,
    );
    const { installation } = await migrated(database);

    expect(installation.lockdown.kind).toBe("unasked");
    expect(describeLockdown(installation.lockdown)).toContain("postgate lockdown");
    expect(await database.query(PUBLIC_RIGHTS_SQL)).toEqual([ALL]);

    const client = await connect(database.connection);
    try {
      expect((await rehearseLockdown(client, installation.roles)).statements.length).toBeGreaterThan(5);
      expect(await database.query(PUBLIC_RIGHTS_SQL)).toEqual([ALL]);
      await lockDown(client, installation.roles);
      expect(await database.query(PUBLIC_RIGHTS_SQL)).toEqual([NONE]);
      for (const user of [app, detached]) {
        const settings = { ...database.connection, user };
        expect(await queryAs(settings, "select id, set_config('a.b', 'c', true) from app.orders")).toHaveLength(1);
        expect((await queryAs(settings, "select * from pg_catalog.pg_class")).length).toBeGreaterThan(100);
      }
      const asMonitor = { ...database.connection, user: monitor };
      expect(await queryAs(asMonitor, "select query from pg_stat_activity where pid = pg_backend_pid()")).toHaveLength(
        1,
      );
      await unlock(client, installation.roles);
    } finally {
      await client.end();
    }
    expect(await database.query(PUBLIC_RIGHTS_SQL)).toEqual([ALL]);
    expect((await migrate(database.connection)).lockdown.kind).toBe("unlocked");
  });

  it("waits for the operator where other logins would lose CONNECT, and names them", async () => {
    const database = await emptyDatabase(version);
    await openToEverybody(database);
    const app = await login(database, "app");
    const granted = await login(database, "granted");
    const monitor = await login(database, "monitor", "in role pg_monitor");
    const superuser = await login(database, "superuser", "superuser");
    await database.query(`grant connect on database ${database.connection.database} to ${granted}`);
    const { installation } = await migrated(database);

    // The cluster has logins of other tests too.
    expect(installation.lockdown).toEqual({
      kind: "relied-on",
      beyond: 0,
      logins: expect.arrayContaining([app]) as [],
    });
    for (const keeper of [granted, monitor, superuser, installation.auth.user, installation.exec.user])
      expect(installation.lockdown.logins).not.toContain(keeper);
    expect(await database.query(PUBLIC_RIGHTS_SQL)).toEqual([ALL]);
    expect(await queryAs({ ...database.connection, user: app }, "select 1 as one")).toEqual([{ one: 1 }]);

    const client = await connect(database.connection);
    await lockDown(client, installation.roles).finally(() => client.end());
    expect((await migrate(database.connection)).lockdown).toEqual({ kind: "locked", beyond: 0 });
    expect(await database.query(PUBLIC_RIGHTS_SQL)).toEqual([NONE]);
    for (const user of [app, granted, monitor, superuser])
      expect(await queryAs({ ...database.connection, user }, "select 1 as one")).toEqual([{ one: 1 }]);
    await database.query(`drop owned by ${granted}`);
  });

  it("names each login that a lock-down by itself would shut out, and no other", async () => {
    const database = await emptyDatabase(version);
    await openToEverybody(database);
    const heir = await login(database, "heir");
    const idle = await login(database, "idle", "noinherit in role pg_monitor");
    const group = await login(database, "group");
    await database.query(`alter role ${group} nologin; grant ${group} to ${heir};
      grant connect on database ${database.connection.database} to ${group}`);
    const unused = await login(database, "unused");
    await database.query(`alter role ${unused} nologin`);
    const { lockdown } = await migrate(database.connection);
    await database.query(`drop owned by ${group}`);

    // Without inheritance a member of pg_monitor keeps nothing.
    expect(lockdown).toMatchObject({ kind: "relied-on", logins: expect.arrayContaining([idle]) as [] });
    for (const keeper of [heir, group, unused]) expect(lockdown.logins).not.toContain(keeper);
  });

  it("is done by itself when the logins that need CONNECT are granted it, and no login that comes later undoes it", async () => {
    const database = await emptyDatabase(version);
    await openToEverybody(database);
    const app = await login(database, "app");
    expect((await migrate(database.connection)).lockdown.kind).toBe("relied-on");
    const name = database.connection.database;
    await database.query(`revoke connect on database ${name} from public; grant connect on database ${name} to ${app}`);
    expect((await migrate(database.connection)).lockdown).toEqual({ kind: "locked", beyond: 0 });
    await login(database, "later");
    expect((await migrate(database.connection)).lockdown).toEqual({ kind: "locked", beyond: 0 });
    expect(await queryAs({ ...database.connection, user: app }, "select 1 as one")).toEqual([{ one: 1 }]);
    await database.query(`drop owned by ${app}`);
  });

  it("lets tenants use an extension that is created after the lock-down", async () => {
    const database = await emptyDatabase(version);
    const gateway = await migrated(database);
    const tenant = await gateway.createTenant();
    await database.query("create schema postgate_extensions; grant usage on schema postgate_extensions to public");
    await database.query("create extension pg_trgm schema postgate_extensions");

    expect(await tenant.run("select postgate_extensions.similarity('abc', 'abc') as same")).toEqual([{ same: 1 }]);
  });

  it("covers functions and views that an upgrade adds to the catalogs", async () => {
    const database = await emptyDatabase(version);
    const { installation } = await migrated(database);
    // A new version of PostgreSQL adds functions and views in this way, with rights for PUBLIC.
    await database.query(`set allow_system_table_mods = on;
      create function pg_catalog.pg_brand_new(text) returns text language internal as 'lower';
      create view pg_catalog.pg_stat_brand_new as select 1 as one;
      grant select on pg_catalog.pg_stat_brand_new to public`);
    const open = `select has_function_privilege('public', 'pg_catalog.pg_brand_new(text)', 'EXECUTE') as function,
      has_table_privilege('public', 'pg_catalog.pg_stat_brand_new', 'SELECT') as view`;
    const queryText = (): Promise<unknown[]> => database.query(open);
    try {
      expect(await queryText()).toEqual([{ function: true, view: true }]);
      expect((await migrate(database.connection)).lockdown).toEqual({ kind: "locked", beyond: 0 });
      expect(await queryText()).toEqual([{ function: false, view: false }]);
      const client = await connect(database.connection);
      await unlock(client, installation.roles).finally(() => client.end());
      expect(await queryText()).toEqual([{ function: true, view: true }]);
    } finally {
      await database.query(`set allow_system_table_mods = on;
        drop view pg_catalog.pg_stat_brand_new; drop function pg_catalog.pg_brand_new(text)`);
    }
  });

  it("lets tenants use an extension that the operator allows after the lock-down", async () => {
    const database = await emptyDatabase(version);
    await migrated(database);
    const gateway = await migrated(database, { extensions: ["pg_trgm"] });
    const tenant = await gateway.createTenant();

    expect(gateway.installation.lockdown).toEqual({ kind: "locked", beyond: 0 });
    expect(await tenant.run("select postgate_extensions.similarity('abc', 'abc') as same", "readWrite")).toEqual([
      { same: 1 },
    ]);
    expect(await tenant.run("create table notes (body text)")).toEqual([]);
    await tenant.run("create index on notes using gin (body postgate_extensions.gin_trgm_ops)");
  });

  it("takes the rights that a login without superuser may take, and reports how many are left", async () => {
    const database = await emptyDatabase(version);
    const operator = await login(database, "operator", "createrole");
    const name = database.connection.database;
    await database.query(`alter database ${name} owner to ${operator}`);
    const { lockdown, dangers } = await migrate({ ...database.connection, user: operator });

    expect(dangers).toEqual([]);
    expect(lockdown.beyond).toBeGreaterThan(500);
    expect(describeLockdown(lockdown)).toContain("only a superuser");
    expect(await database.query(PUBLIC_RIGHTS_SQL)).toEqual([{ ...ALL, connect: false }]);
    await database.query(
      `alter database ${name} owner to postgres; reassign owned by ${operator} to postgres; drop owned by ${operator}`,
    );
  });

  it.each([
    ["superuser", "is a superuser"],
    ["bypassrls", "read past row security"],
    ["createrole", "make roles"],
  ])("does not hide that the tenants' login is dangerous when it has the attribute %s", async (attribute, finding) => {
    const database = await emptyDatabase(version);
    const { installation } = await migrated(database);
    await database.query(`alter role ${installation.roles.exec} ${attribute}`);

    expect(describeDangers((await migrate(database.connection)).dangers)).toContain(finding);
  });

  it("does not hide that the tenants' login is dangerous when it belongs to other roles or owns objects", async () => {
    const database = await emptyDatabase(version);
    const gateway = await migrated(database);
    await gateway.createTenant();
    const { exec } = gateway.installation.roles;
    const findings = async (): Promise<string[]> =>
      (await migrate(database.connection)).dangers.map(({ finding }) => finding);

    expect(await findings()).toEqual([]);
    await database.query(`grant pg_read_server_files to ${exec}`);
    expect(await findings()).toEqual(['has the rights of role "pg_read_server_files"']);
    await database.query(`revoke pg_read_server_files from ${exec}; create schema exec_own authorization ${exec}`);
    expect(await findings()).toEqual(["owns objects in this database"]);
  });
});
