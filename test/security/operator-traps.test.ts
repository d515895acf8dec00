// Sets the traps that a tenant can leave in its own schema for others to run: functions behind indexes, defaults, views, rules and
// policies, and objects named like PostgreSQL's own. The judge and the lock-down would keep the tenant from making these functions, so
// both are off here. Whatever the operator and the gateway do with such a schema, no trap may run with more than the tenant's rights.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGuards } from "../../src/dedicated/create-guards.ts";
import { examineWalls } from "../../src/doctor/examine-walls.ts";
import { keepLockdown, lockDown, rehearseLockdown, unlock } from "../../src/migration/lockdown.ts";
import { type Installation, migrate } from "../../src/migration/migrate.ts";
import { connect } from "../../src/postgres/connect.ts";
import type { ConnectionSettings } from "../../src/postgres/connection-settings.ts";
import { provisionTenant } from "../../src/tenants/provision-tenant.ts";
import { NO_SEALING_KEYS } from "../../src/tenants/sealing.ts";
import { sweepRoles } from "../../src/tenants/sweep-roles.ts";
import { createTestDatabase, type TestDatabase } from "../support/cluster.ts";
import {
  closeWithRoles,
  migrated,
  type Migrated,
  queryAs,
  type TestTenant,
  VERSIONS,
} from "../integration/migration/support.ts";
import type { Install } from "./corpus-world.ts";

const PG_DUMP = "/usr/bin/pg_dump";

/** `spy` records the role that it runs as. PUBLIC may write to `caught`, so that it can record any role. */
const TRAPS_SQL = `
create table caught (who text, session text);
grant insert on caught to public;
create function spy() returns int language plpgsql as
  'begin insert into $own.caught values (current_user, session_user); return 1; end';
create function innocent(int) returns int language plpgsql immutable as 'begin return $own.spy() - 1 + $1; end';
create table trap (id int default spy(), note text, twice int generated always as (innocent(id)) stored,
  check (innocent(id) is not null));
insert into trap (id, note) select n, 'x' from generate_series(1, 300) as n;
create index on trap (innocent(id));
create statistics trap_statistics on (innocent(id)), note from trap;
create view trap_view as select spy() as spied, * from trap;
create materialized view trap_matview as select spy() as spied;
create domain trap_domain as int check ($own.innocent(value) is not null);
create table trap_typed (d trap_domain);
create table trap_parts (id int) partition by list (innocent(id));
create function trap_trigger() returns trigger language plpgsql as 'begin perform $own.spy(); return new; end';
create trigger trap_trigger before update or delete on trap for each row execute function trap_trigger();
create rule trap_rule as on update to trap_typed do also select spy();
alter table trap enable row level security;
alter table trap force row level security;
create policy trap_policy on trap using (spy() > 0);

create table pg_class (oid oid, relname name, relnamespace oid, relkind "char", relowner oid, relacl aclitem[]);
create table pg_namespace (oid oid, nspname name, nspowner oid, nspacl aclitem[]);
create table postgate_databases (id uuid, name text, backend_type text, schema_name text);
create domain text as pg_catalog.text check (innocent(1) is not null);
create function format(pg_catalog.text, variadic pg_catalog.text[]) returns pg_catalog.text language plpgsql as 'begin perform $own.spy(); return $1; end';
create function count(name) returns bigint language plpgsql as 'begin return $own.spy(); end';
create function quote_ident(name) returns pg_catalog.text language plpgsql as 'begin perform $own.spy(); return $1; end';
create function create_tenant_database(p_name varchar) returns int language sql as 'select $own.spy()';
create function create_tenant_token(p_database_id uuid) returns int language sql as 'select $own.spy()';
create function list_tables() returns int language sql as 'select $own.spy()';
create function same(name, name) returns boolean language plpgsql as 'begin perform $own.spy(); return true; end';
create operator = (leftarg = name, rightarg = name, function = same);
create operator || (leftarg = name, rightarg = name, function = same);
create table "a"", b; drop table trap; --
'$$" (id int);
`;

async function openInstallation(version: 18 | 15, install: Install): Promise<[TestDatabase, ConnectionSettings]> {
  const database = await createTestDatabase(version);
  if (install === "superuser") return [database, database.connection];
  const operator = `operator_${randomBytes(6).toString("hex")}`;
  await database.query(`create role ${operator} login createrole`);
  await database.query(`alter database ${database.connection.database} owner to ${operator}`);
  return [database, { ...database.connection, user: operator }];
}

describe.each(
  VERSIONS.flatMap((version) => (["superuser", "createrole"] as const).map((install) => ({ version, install }))),
)("traps in a tenant's schema on PostgreSQL $version, operated by a $install", ({ version, install }) => {
  let database: TestDatabase;
  let operator: ConnectionSettings;
  let gateway: Migrated;
  let installation: Installation;
  let tenant: TestTenant;

  beforeAll(async () => {
    [database, operator] = await openInstallation(version, install);
    gateway = await migrated({ ...database, connection: operator });
    ({ installation } = gateway);
    tenant = await gateway.createTenant();
    await asOperator(async (client) => {
      await unlock(client, installation.roles);
      // Every role may use the schema, so a trap that runs with another role's rights succeeds and is recorded.
      await client.query(`grant usage on schema "${tenant.schema}" to public`);
    });
    await tenant.run(TRAPS_SQL.replaceAll("$own", `"${tenant.schema}"`));
  });
  afterAll(() => closeWithRoles(database));

  type Client = Awaited<ReturnType<typeof connect>>;

  async function asOperator<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const client = await connect(operator);
    try {
      return await use(client);
    } finally {
      await client.end();
    }
  }

  /** Returns the roles other than the tenant's owner role that ran a trap since the last call. */
  async function caught(): Promise<unknown[]> {
    const rows = await database.query(
      `with gone as (delete from "${tenant.schema}".caught returning *) select distinct who from gone where who <> $1`,
      [tenant.roles.owner],
    );
    return rows.map(({ who }) => who as unknown);
  }

  it("are noticed if another role runs them", async () => {
    await database.query(`select * from "${tenant.schema}".trap_view limit 1`);
    expect(await caught()).toEqual(["postgres"]);
  });

  it.each([
    "vacuum (analyze) $own.trap",
    "vacuum full $own.trap",
    "analyze $own.trap",
    "reindex table $own.trap",
    "reindex schema $own",
    "cluster $own.trap using trap_innocent_idx",
    "refresh materialized view $own.trap_matview",
    "create index on $own.trap (note)",
  ])("run with no more than the tenant's rights in %s", async (sql) => {
    await database.query(sql.replaceAll("$own", `"${tenant.schema}"`));
    expect(await caught()).toEqual([]);
  });

  it.each<[string, (client: Client) => Promise<unknown>]>([
    ["migrate", async () => migrate(operator)],
    [
      "making the tenant ready anew",
      async (client) => {
        const { owner, readWrite } = tenant.roles;
        await database.query(`revoke all on all tables in schema "${tenant.schema}" from ${readWrite}`);
        await database.query(`alter table "${tenant.schema}".trap owner to ${installation.roles.owner}`);
        await provisionTenant(client, installation.roles, tenant);
        expect(
          await database.query("select from pg_class where relname = 'trap' and relowner = $1::regrole", [owner]),
        ).toHaveLength(1);
      },
    ],
    ["sweeping roles", (client) => sweepRoles(client, installation.roles)],
    [
      "doctor",
      () =>
        examineWalls({
          ...{ operator, installation, keys: NO_SEALING_KEYS },
          ...{ queryTimeoutMs: 30_000, guards: createGuards(operator) },
        }),
    ],
    ["looking at the lock-down", (client) => rehearseLockdown(client, installation.roles)],
    ["keeping the lock-down", (client) => keepLockdown(client, installation.roles)],
    [
      "the lock-down and its end",
      async (client) => {
        await lockDown(client, installation.roles);
        await unlock(client, installation.roles);
      },
    ],
    ["the admin's statements", () => gateway.runAsAdmin("select * from create_tenant_database('x')")],
    [
      "another tenant's helpers",
      async () => (await gateway.createTenant()).run("select * from postgate_helpers.list_tables()"),
    ],
    [
      // A login that may create roles is a member of the tenant's roles, so FORCE ROW LEVEL SECURITY applies to it: see the documentation.
      "a superuser's own look with the helpers",
      () =>
        database.query(`set search_path = "${tenant.schema}"; select * from postgate_helpers.list_tables();
          select * from postgate_helpers.describe_table('trap')`),
    ],
    [
      "the operator's dump",
      async () => {
        if (!existsSync(PG_DUMP) || version > 15) return;
        const { host, port, database: name } = database.connection;
        const options = ["-h", host, "-p", String(port), "-U", "postgres", "-d", name, "--schema-only"];
        await promisify(execFile)(PG_DUMP, options, { maxBuffer: 1 << 26 });
      },
    ],
  ])(
    "are not run by %s",
    async (_, act) => {
      await asOperator(act);
      expect(await caught()).toEqual([]);
    },
    60_000,
  );

  it("are dropped with their tenant, and nothing else is", async () => {
    const watch = `create table public.watch (who text); grant insert on public.watch to public`;
    await database.query(watch);
    expect(await gateway.runAsAdmin("select delete_tenant_database($1) as gone", [tenant.id])).toEqual([
      { gone: true },
    ]);
    expect(await database.query("select from pg_namespace where nspname = $1", [tenant.schema])).toEqual([]);
    expect(await queryAs(database.connection, "select * from public.watch")).toEqual([]);
  });
});
