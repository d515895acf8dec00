// The holder of an admin token writes rows that name a schema of the operator, to make it a tenant's schema and read or drop its contents.

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { adopt } from "../../src/cli/adopt.ts";
import { migrate } from "../../src/migration/migrate.ts";
import { installationRolesOf } from "../../src/tenants/role-names.ts";
import type { DatabaseId } from "../../src/tenants/tenant.ts";
import { startTestGateway, testConfig, type TestGateway, type TestTenant } from "../support/gateway.ts";

let gateway: TestGateway;
let stranger: string;
let roles: ReturnType<typeof installationRolesOf>;

beforeAll(async () => {
  gateway = await startTestGateway();
  stranger = `stranger_${gateway.database.connection.database}`;
  const [{ oid }] = await gateway.database.query("select oid::int from pg_database where datname = current_database()");
  roles = installationRolesOf(oid);
  await gateway.database.query(`create role ${stranger}`);
});
afterAll(async () => {
  await gateway.database.query(`drop owned by ${stranger} cascade; drop role ${stranger}`);
  await gateway.close();
});

async function insertRow(schema: string): Promise<TestTenant> {
  const id = randomUUID();
  await gateway.admin.rows("insert into postgate_databases (id, name, schema_name) values ($1, 'taken', $2)", [
    id,
    schema,
  ]);
  return gateway.tenantOf(id);
}

const NOT_FOUND = { status: 404, body: { code: "DATABASE_NOT_FOUND" } };

const ownerOf = async (schema: string): Promise<string> =>
  (
    await gateway.database.query("select nspowner::regrole::text as owner from pg_namespace where nspname = $1", [
      schema,
    ])
  )[0].owner;

describe("a row of an admin token", () => {
  it.each([
    {
      what: "has another name",
      schema: "payroll",
      sql: "create schema payroll; create table payroll.salaries (id int)",
    },
    {
      what: "has another name, and is open to PUBLIC",
      schema: "open_to_all",
      sql: "create schema open_to_all; create table open_to_all.salaries (id int); grant usage on schema open_to_all to public; grant select on open_to_all.salaries to public",
    },
    {
      what: "is another login's",
      schema: "tenant_of_stranger",
      sql: "create schema tenant_of_stranger authorization $stranger; create table tenant_of_stranger.salaries (id int)",
    },
    {
      what: "holds another login's table",
      schema: "db_backup",
      sql: "create schema db_backup; create table db_backup.salaries (id int); alter table db_backup.salaries owner to $stranger",
    },
    {
      what: "holds another login's function",
      schema: "tenant_lib",
      sql: "create schema tenant_lib; create table tenant_lib.salaries (id int); create function tenant_lib.f() returns int language sql as 'select 1'; alter function tenant_lib.f() owner to $stranger",
    },
    {
      what: "holds another login's type",
      schema: "tenant_types",
      sql: "create schema tenant_types; create table tenant_types.salaries (id int); create type tenant_types.mood as enum ('a'); alter type tenant_types.mood owner to $stranger",
    },
    {
      what: "holds another login's text search configuration",
      schema: "tenant_search",
      sql: "create schema tenant_search; create table tenant_search.salaries (id int); create text search configuration tenant_search.c (copy = simple); alter text search configuration tenant_search.c owner to $stranger",
    },
  ])("does not take a schema that $what", async ({ schema, sql }) => {
    for (const statement of sql.replaceAll("$stranger", stranger).split("; ")) await gateway.database.query(statement);
    const before = await ownerOf(schema);
    const tenant = await insertRow(schema);
    for (const each of ["select 1", "select * from salaries", "create table mine (id int)"])
      expect(await tenant.query(each), each).toMatchObject(NOT_FOUND);
    const gone = await gateway.admin.query("select delete_tenant_database($1)", [tenant.id]);
    expect(gone).toMatchObject({ status: 500, body: { sqlstate: "42501" } });
    const { failures } = await migrate(gateway.operator);
    expect(failures.map(({ cause }) => (cause as Error).message).join()).toContain(`postgate adopt ${tenant.id}`);
    expect(await ownerOf(schema)).toBe(before);

    // A tenant whose roles exist already gains nothing when its row is changed to name the schema.
    const other = await gateway.createTenant();
    await other.rows("select 1");
    await gateway.database.query("delete from postgate_databases where id = $1", [tenant.id]);
    await gateway.admin.rows("update postgate_databases set schema_name = $2 where id = $1", [other.id, schema]);
    const deadline = performance.now() + 5_000;
    let answer = await other.query("select * from salaries");
    while (answer.status !== 404 && performance.now() < deadline) answer = await other.query("select * from salaries");
    expect(answer).toMatchObject(NOT_FOUND);
    expect(await ownerOf(schema)).toBe(before);
    await gateway.database.query("delete from postgate_databases where id = $1", [other.id]);
  });

  it("takes a schema that has a tenant's kind of name and holds only the operator's objects", async () => {
    await gateway.database.query("create schema tenant_handmade; create table tenant_handmade.notes (id int)");
    expect(await (await insertRow("tenant_handmade")).rows("select count(*)::int as n from notes")).toEqual([{ n: 0 }]);
  });

  it("takes a schema that the operator gave to Postgate's role", async () => {
    await gateway.database.query(
      `create schema shop; create table shop.notes (id int); alter schema shop owner to ${roles.owner}`,
    );
    expect(await (await insertRow("shop")).rows("select count(*)::int as n from notes")).toEqual([{ n: 0 }]);
  });

  it("takes a schema of another login once the operator has adopted it", async () => {
    await gateway.database.query(`create schema legacy authorization ${stranger}; create table legacy.notes (id int)`);
    const tenant = await insertRow("legacy");
    expect(await tenant.query("select 1")).toMatchObject(NOT_FOUND);
    const printed: string[] = [];
    const context = {
      terminal: { print: (line: string) => printed.push(line), note: () => undefined },
      signal: new AbortController().signal,
    };
    const config = testConfig(gateway.database);
    await adopt(config, context, { databaseId: tenant.id as DatabaseId, dryRun: true });
    expect(printed.join("\n")).toContain(`alter schema legacy owner to ${roles.owner};`);
    expect(await ownerOf("legacy")).toBe(stranger);
    await adopt(config, context, { databaseId: tenant.id as DatabaseId, dryRun: false });
    const deadline = performance.now() + 5_000;
    let answer = await tenant.query("select count(*)::int as n from notes");
    while (answer.status !== 200 && performance.now() < deadline)
      answer = await tenant.query("select count(*)::int as n from notes");
    expect(answer.body.rows).toEqual([{ n: 0 }]);
  });
});

describe("a record of the lock-down that Postgate did not write", () => {
  it.each([
    {
      kind: "language",
      object: "sql",
      privileges: "USAGE ON LANGUAGE sql TO public; create role mine superuser; grant USAGE",
    },
    { kind: "database", object: "x", privileges: "CONNECT (a); drop table x" },
    { kind: "table", object: "pg_class", privileges: 'SELECT ("a"), UPDATE; select 1' },
  ])("is refused and not run: $privileges", async ({ kind, object, privileges }) => {
    const { lockDown, unlock } = await import("../../src/migration/lockdown.ts");
    const { connect } = await import("../../src/postgres/connect.ts");
    const client = await connect(gateway.operator);
    onTestFinished(() => client.end());
    await gateway.database.query("insert into postgate_private.public_rights values ($1, $2, $3)", [
      kind,
      object,
      privileges,
    ]);
    onTestFinished(() =>
      gateway.database
        .query("delete from postgate_private.public_rights where privileges = $1", [privileges])
        .then(() => undefined),
    );
    await expect(unlock(client, roles)).rejects.toThrow("did not write");
    await expect(lockDown(client, roles)).rejects.toThrow("did not write");
    expect(await gateway.database.query("select from pg_roles where rolname = 'mine'")).toEqual([]);
  });

  it("does not put its own text in place of an object's name", async () => {
    const { unlock } = await import("../../src/migration/lockdown.ts");
    const { connect } = await import("../../src/postgres/connect.ts");
    const client = await connect(gateway.operator);
    onTestFinished(() => client.end());
    await gateway.database.query(`create table public."a;b" (id int)`);
    for (const [kind, object] of [
      ["table", "public.a;b"],
      ["routine on x", "age(xid)"],
      ["schema", "pg_catalog to public; select 1"],
    ])
      await gateway.database.query("insert into postgate_private.public_rights values ($1, $2, 'SELECT')", [
        kind,
        object,
      ]);
    expect(
      (await unlock(client, roles)).filter(
        (sql) => sql.includes("select 1") || sql.includes("a;b") || sql.includes("on x"),
      ),
    ).toEqual([]);
  });
});
