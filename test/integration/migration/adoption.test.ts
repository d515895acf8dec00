import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { migrate } from "../../../src/migration/migrate.ts";
import { connect } from "../../../src/postgres/connect.ts";
import { clusterConnection, openToEverybody, type TestDatabase } from "../../support/cluster.ts";
import {
  LONG_NAMED_TENANT,
  OLD_STYLE_TENANT,
  OPERATOR_VIEWS_SQL,
  ORIGINAL_FUNCTIONS_SQL,
  ORIGINAL_HELPERS_SQL,
  ORIGINAL_TABLES_SQL,
  ORIGINAL_TENANT,
  ORIGINAL_TENANTS_SQL,
} from "./original-database.ts";
import { emptyDatabase, migrated, queryAs, VERSIONS } from "./support.ts";

const PG_DUMP = "/usr/lib/postgresql/15/bin/pg_dump";
const PSQL = "/usr/lib/postgresql/15/bin/psql";
const ORIGINAL_SQL = [ORIGINAL_TABLES_SQL, ORIGINAL_FUNCTIONS_SQL, ORIGINAL_TENANTS_SQL].join("\n");

/** Finds the objects in a tenant's schema that the tenant's role does not own. */
const STRANGERS_SQL = `
select c.relname::text as name from pg_class c where c.relnamespace = $1::regnamespace and c.relowner <> $2::regrole
union all select t.typname from pg_type t where t.typnamespace = $1::regnamespace and t.typowner <> $2::regrole
union all select p.proname from pg_proc p where p.pronamespace = $1::regnamespace and p.proowner <> $2::regrole
union all select oprname from pg_operator where oprnamespace = $1::regnamespace and oprowner <> $2::regrole
union all select opfname from pg_opfamily where opfnamespace = $1::regnamespace and opfowner <> $2::regrole
union all select opcname from pg_opclass where opcnamespace = $1::regnamespace and opcowner <> $2::regrole
union all select collname from pg_collation where collnamespace = $1::regnamespace and collowner <> $2::regrole
union all select conname from pg_conversion where connamespace = $1::regnamespace and conowner <> $2::regrole
union all select cfgname from pg_ts_config where cfgnamespace = $1::regnamespace and cfgowner <> $2::regrole
union all select dictname from pg_ts_dict where dictnamespace = $1::regnamespace and dictowner <> $2::regrole
union all select stxname from pg_statistic_ext where stxnamespace = $1::regnamespace and stxowner <> $2::regrole`;

describe.each(VERSIONS)("adoption on PostgreSQL %i", (version) => {
  it("sets the relation limit of a tenant with many relations to twice what it has", async () => {
    const database = await emptyDatabase(version);
    await database.query(ORIGINAL_SQL);
    const make = (sql: string, count: number) =>
      database.query(`do $$ begin for n in 1..${count} loop execute format('${sql}', n); end loop; end $$`);
    await make(`create view ${ORIGINAL_TENANT.schema}.v%s as select 1`, 600);
    const many = `create table ${OLD_STYLE_TENANT.schema}.many (id int); `;
    await database.query(many);
    await make(`create index i%s on ${OLD_STYLE_TENANT.schema}.many (id)`, 5_500);

    await migrated(database);

    const limits = await database.query("select id, max_relations from postgate_databases order by max_relations");
    expect(Object.fromEntries(limits.map(({ id, max_relations }) => [id, max_relations]))).toMatchObject({
      [ORIGINAL_TENANT.id]: 1_216,
      [OLD_STYLE_TENANT.id]: 1_100,
      [LONG_NAMED_TENANT.id]: 1_000,
    });
  });

  it.each([
    ["without helpers", ORIGINAL_SQL],
    ["with helpers", ORIGINAL_SQL + ORIGINAL_HELPERS_SQL],
    ["without functions", ORIGINAL_TABLES_SQL + ORIGINAL_TENANTS_SQL],
  ])("takes over a database of the original Postgate %s, with its rows and tokens", async (_, sql) => {
    const database = await emptyDatabase(version);
    await database.query(sql);
    const tokens = await database.query("select id, token_hash, token_prefix, allowed_operations from postgate_tokens");

    const gateway = await migrated(database);

    expect(gateway.installation.failures).toEqual([]);
    expect(
      await database.query("select id, token_hash, token_prefix, allowed_operations from postgate_tokens"),
    ).toEqual(tokens);
    const tenant = gateway.tenant(ORIGINAL_TENANT.id, ORIGINAL_TENANT.schema);
    expect(await database.query(STRANGERS_SQL, [tenant.schema, tenant.roles.owner])).toEqual([]);
    expect(await tenant.run("select tag, mood from items")).toEqual([{ tag: "kept", mood: "ok" }]);
    expect(await tenant.run("insert into items (tag) values ('x') returning id, n", "readWrite")).toEqual([
      { id: 2, n: 2 },
    ]);
    expect(await tenant.run("select nextval('free')", "readWrite")).toEqual([{ nextval: "1" }]);
    await tenant.run(
      "alter table items add extra int; alter type mood add value 'new'; refresh materialized view stored; drop table parts",
    );
    expect(await tenant.run("select lift()")).toEqual([{ lift: tenant.roles.owner }]);
    expect(
      (await tenant.run("select table_name from postgate_helpers.list_tables()")).map(({ table_name }) => table_name),
    ).toEqual(["items", "lines", "measured"]);
    expect(await gateway.tenant(OLD_STYLE_TENANT.id, OLD_STYLE_TENANT.schema).run("select * from posts")).toEqual([]);
    expect(await gateway.tenant(LONG_NAMED_TENANT.id, LONG_NAMED_TENANT.schema).run("select * from here")).toEqual([]);
    expect((await gateway.runAsAdmin("select * from create_tenant_token($1, 'mine')", [tenant.id]))[0].token).toMatch(
      /^pg_/,
    );
    expect(await gateway.runAsAdmin("select delete_tenant_database($1) as gone", [LONG_NAMED_TENANT.id])).toEqual([
      { gone: true },
    ]);
    expect(await database.query("select from pg_namespace where nspname = $1", [LONG_NAMED_TENANT.schema])).toEqual([]);
  });

  it("leaves other programs' tables in public, their owners and their logins as they were", async () => {
    const app = `app_${randomBytes(4).toString("hex")}`;
    // This runs last, when the database is gone.
    onTestFinished(() => queryAs(clusterConnection(version), `drop role ${app}`).then(() => undefined));
    const database = await emptyDatabase(version);
    await openToEverybody(database);
    await database.query(`${ORIGINAL_SQL}; create role ${app} login; create table public.orders (id serial primary key, total int);
      insert into public.orders (total) values (7); alter table public.orders owner to ${app};
      create view public.postgate_report as select count(*) as n from public.orders;
      create function public.tally() returns bigint language sql as 'select count(*) from public.orders';
      grant select on public.postgate_report to public`);
    const theirs = `
      select relname::text as name, relowner::regrole::text as owner, relacl::text as acl from pg_class
      where relnamespace = 'public'::regnamespace and relkind <> 'i' and relname !~ '^postgate_(databases|tokens|rights_changes)$'
      union all select proname, proowner::regrole::text, proacl::text from pg_proc
      where pronamespace = 'public'::regnamespace and proname = 'tally' order by 1`;
    const before = await database.query(theirs);

    const gateway = await migrated(database);

    expect(await database.query(theirs)).toEqual(before);
    expect(gateway.installation.lockdown.kind).toBe("unasked");
    expect(
      await queryAs(
        { ...database.connection, user: app },
        "insert into orders (total) values (8) returning id, tally()",
      ),
    ).toEqual([{ id: 2, tally: "2" }]);
    const tenant = gateway.tenant(ORIGINAL_TENANT.id, ORIGINAL_TENANT.schema);
    expect(await tenant.run("select tag from items")).toEqual([{ tag: "kept" }]);
    await expect(tenant.run("table public.orders")).rejects.toMatchObject({ code: "42501" });
  });

  it("refuses new negative row limits, and keeps those of the original Postgate", async () => {
    const database = await emptyDatabase(version);
    await database.query(ORIGINAL_SQL);
    await migrate(database.connection);

    expect(await database.query("select max_rows from postgate_databases where id = $1", [ORIGINAL_TENANT.id])).toEqual(
      [{ max_rows: -1 }],
    );
    await expect(
      database.query("insert into postgate_databases (name, schema_name, max_rows) values ('x', 'x', -1)"),
    ).rejects.toMatchObject({ code: "23514" });
  });

  it("continues an adoption that was killed half-way", async () => {
    const database = await emptyDatabase(version);
    await database.query(ORIGINAL_SQL);
    const { roles } = await migrate(database.connection);
    await database.query(`
      alter table ${ORIGINAL_TENANT.schema}.items owner to postgres;
      revoke all on ${ORIGINAL_TENANT.schema}.lines from postgate_t${roles.databaseOid}_${ORIGINAL_TENANT.id.replaceAll("-", "")}_rw;
      alter schema ${OLD_STYLE_TENANT.schema} owner to postgres;
      drop owned by ${roles.auth};
      drop role ${roles.auth};
      alter function public.delete_tenant_token owner to postgres;
      grant execute on function public.delete_tenant_token to public;
      delete from postgate_private.migrations where version = 3`);

    const gateway = await migrated(database);

    const tenant = gateway.tenant(ORIGINAL_TENANT.id, ORIGINAL_TENANT.schema);
    expect(await database.query(STRANGERS_SQL, [tenant.schema, tenant.roles.owner])).toEqual([]);
    expect(await tenant.run("select * from lines", "readWrite")).toEqual([]);
    await expect(tenant.run("select public.delete_tenant_token(null)")).rejects.toMatchObject({ code: "42501" });
    await gateway.runAsAdmin("select delete_tenant_token(null)");
  });

  it("does not change the owner of objects that an extension made", async () => {
    const database = await emptyDatabase(version);
    await database.query(`${ORIGINAL_SQL}; create extension citext schema ${OLD_STYLE_TENANT.schema}`);

    const { failures } = await migrate(database.connection);

    expect(failures).toEqual([]);
    expect(
      await database.query("select typowner::regrole::text as owner from pg_type where typname = 'citext'"),
    ).toEqual([{ owner: "postgres" }]);
  });

  it("names the missing setting if both metadata tables are views", async () => {
    const database = await emptyDatabase(version);
    await database.query(OPERATOR_VIEWS_SQL);

    await expect(migrate(database.connection)).rejects.toThrow(
      /is a view of your own: set POSTGATE_SKIP_MIGRATIONS=true/,
    );
  });

  it("works over an operator's views, and changes neither them nor the functions", async () => {
    const database = await emptyDatabase(version);
    await database.query(OPERATOR_VIEWS_SQL);
    const stamp = `
      select relname::text as name, relowner::text as owner, pg_get_viewdef(oid) as definition from pg_class where relname ~ '^postgate_(databases|tokens)$'
      union all select proname, proowner::text, prosrc from pg_proc where pronamespace = 'public'::regnamespace`;
    const before = await database.query(stamp);

    const gateway = await migrated(database, { skipMigrations: true });

    expect(gateway.installation.applied).toEqual([]);
    const [{ id, schema_name: schema }] = await gateway.runAsAdmin("select * from create_tenant_database('theirs', 5)");
    await gateway.runAsAdmin(
      "insert into postgate_tokens (database_id, name, token_hash, token_prefix, allowed_operations) values ($1, 'n', 'h', 'p', '{SELECT}')",
      [id],
    );
    await queryAs(gateway.installation.auth, "update public.postgate_tokens set last_used_at = now()");
    expect(await gateway.runAsAdmin("select last_used_at is not null as used from postgate_tokens")).toEqual([
      { used: true },
    ]);
    await migrate(database.connection, { skipMigrations: true });
    const tenant = gateway.tenant(id, schema);
    await tenant.run("create table mine (id int)");
    await expect(tenant.run("table public.postgate_tokens")).rejects.toMatchObject({ code: "42501" });
    await expect(tenant.run("table app.keys")).rejects.toMatchObject({ code: "42501" });
    expect(await gateway.runAsAdmin("select delete_tenant_database($1) as gone", [id])).toEqual([{ gone: true }]);
    expect(await database.query(stamp)).toEqual(before);
  });

  it("refuses to skip the migrations if there are no metadata tables", async () => {
    const database = await emptyDatabase(version);
    await expect(migrate(database.connection, { skipMigrations: true })).rejects.toThrow(
      "there is no public.postgate_databases: unset POSTGATE_SKIP_MIGRATIONS, or create it",
    );
  });

  it("runs tenants' statements on the login that the operator made", async () => {
    const database = await emptyDatabase(version);
    const user = `tenants_${database.connection.database}`;
    await database.query(`create role ${user} login noinherit`);

    const gateway = await migrated(database, { tenantLogin: { ...database.connection, user } });

    expect(gateway.installation.exec.user).toBe(user);
    const tenant = await gateway.createTenant();
    expect(await tenant.run("select current_user::text, session_user::text")).toEqual([
      { current_user: tenant.roles.owner, session_user: user },
    ]);
    expect(
      await database.query("select from pg_roles where rolname = $1", [
        `postgate_exec_${gateway.installation.roles.databaseOid}`,
      ]),
    ).toEqual([]);
  });

  it("separates a clone from the database that it was copied from, and does not change that database", async () => {
    const source = await emptyDatabase(version);
    const original = await migrated(source);
    const before = await original.createTenant();
    await before.run("create table notes (id serial primary key); insert into notes default values");
    const clone = await cloneOf(source, version);

    const cloned = await migrated(clone);

    const after = cloned.tenant(before.id, before.schema);
    expect(await clone.query(STRANGERS_SQL, [after.schema, after.roles.owner])).toEqual([]);
    await after.run("insert into notes default values", "readWrite");
    expect(await after.run("select id from notes")).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await before.run("select id from notes")).toEqual([{ id: 1 }]);
    expect(await mentionsOf(clone, original.installation.roles.databaseOid)).toEqual([]);
    const trespasser = { ...original.installation.exec, database: clone.connection.database };
    for (const mode of ["owner", "readWrite"] as const)
      await expect(
        queryAs(trespasser, `set role ${before.roles[mode]}; select * from "${before.schema}".notes`),
      ).rejects.toMatchObject({ sqlstate: "42501" });
    await original.runAsAdmin("select delete_tenant_database($1)", [before.id]);
    await migrate(source.connection);
    expect(await source.query(`select from pg_roles where rolname like '${before.roles.owner}%'`)).toEqual([]);
    expect(await after.run("select count(*) from notes")).toEqual([{ count: "2" }]);
  });

  it.skipIf(!existsSync(PG_DUMP) || version > 15)(
    "restores an installation from a dump on a server without its roles",
    async () => {
      const source = await emptyDatabase(version);
      await source.query(ORIGINAL_SQL);
      const original = await migrated(source);
      const { host, port, user, database } = source.connection;
      const at = (name: string): string[] => ["-h", host, "-p", String(port), "-U", user, "-d", name];
      const { stdout: dump } = await promisify(execFile)(PG_DUMP, at(database), { maxBuffer: 1 << 26 });
      const target = await emptyDatabase(version);
      // The dump's roles are renamed, so that its grants and changes of owner fail, as on a server without these roles.
      const orphaned = dump.replaceAll(/postgate_(owner_|admin_|auth_|exec_|t)(?=\d+)/g, "gone_$1");
      const restoring = promisify(execFile)(PSQL, ["-qX", ...at(target.connection.database)], { maxBuffer: 1 << 26 });
      restoring.child.stdin?.end(orphaned);
      await restoring;

      const restored = await migrated(target);

      expect(restored.installation.applied).toEqual([]);
      expect(restored.installation.failures).toEqual([]);
      const tenant = restored.tenant(ORIGINAL_TENANT.id, ORIGINAL_TENANT.schema);
      expect(await target.query(STRANGERS_SQL, [tenant.schema, tenant.roles.owner])).toEqual([]);
      expect(await tenant.run("insert into items (tag) values ('x') returning id", "readWrite")).toEqual([{ id: 2 }]);
      expect(await target.query("table postgate_tokens")).toEqual(await source.query("table postgate_tokens"));
      expect(await restored.runAsAdmin("select delete_tenant_database($1) as gone", [tenant.id])).toEqual([
        { gone: true },
      ]);
      await expect(tenant.run("table public.postgate_tokens")).rejects.toMatchObject({ code: "42501" });
      expect(original.installation.roles.databaseOid).not.toBe(restored.installation.roles.databaseOid);
    },
  );
});

async function cloneOf(source: TestDatabase, version: 18 | 15): Promise<TestDatabase> {
  const empty = await emptyDatabase(version);
  const name = empty.connection.database;
  const admin = clusterConnection(version);
  const client = await connect(admin);
  try {
    await client.query(`drop database ${name} with (force)`);
    await client.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [
      source.connection.database,
    ]);
    await client.query(`create database ${name} template ${source.connection.database}`);
    await client.query(`revoke connect on database ${name} from public`);
  } finally {
    await client.end();
  }
  return { ...empty, query: (sql, params) => queryAs(empty.connection, sql, params) };
}

/** Returns the objects of this database that mention a role whose name contains the oid. */
function mentionsOf(database: TestDatabase, oid: number): Promise<unknown[]> {
  return database.query(
    `select r.rolname, d.classid::regclass::text, d.deptype from pg_shdepend d join pg_roles r on r.oid = d.refobjid
     where d.dbid = (select oid from pg_database where datname = current_database()) and r.rolname ~ ('[a-z_]' || $1 || '(_|$)')`,
    [String(oid)],
  );
}
