// Section 3 of the public contract: tenants, metadata, admin functions, helpers.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PERMISSIONS } from "../../src/base/permissions.ts";
import { clusterConnection, createTestDatabase, openToEverybody } from "../support/cluster.ts";
import { startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

let gateway: TestGateway;
let tenant: TestTenant;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.createTenant({ name: "Acme Corp." });
});
afterAll(() => gateway.close());

describe("a tenant", () => {
  it("has a schema tenant_<32 hex>_<name>, in lower case, with _ for other characters", async () => {
    const [row] = await gateway.database.query("select schema_name from postgate_databases where id = $1", [tenant.id]);
    expect(row?.schema_name).toBe(`tenant_${tenant.id.replaceAll("-", "")}_acme_corp_`);
  });

  it("with a long name has a schema name of at most 63 bytes", async () => {
    const long = await gateway.createTenant({ name: "É".repeat(100) });
    const [row] = await gateway.database.query("select schema_name from postgate_databases where id = $1", [long.id]);
    expect(Buffer.byteLength(String(row?.schema_name))).toBeLessThanOrEqual(63);
    expect((await long.query("create table t (id int)")).status).toBe(200);
  });

  it("runs its statements under its own role, on a session of a login that is no superuser and owns nothing", async () => {
    await tenant.rows("create table who (role text default current_user)");
    await tenant.rows("insert into who default values");
    const [who] = await tenant.rows("select role, current_user as now from who");
    expect(who?.["role"]).toBe(who?.["now"]);
    expect(who?.["role"]).toContain(tenant.id.replaceAll("-", ""));
    const sessions = await gateway.database.query(`
      select distinct usename from pg_stat_activity
      where datname = current_database() and application_name like 'postgate%' and query like '%current_user as now%' and pid <> pg_backend_pid()`);
    expect(sessions).toHaveLength(1);
    const [login] = await gateway.database.query(
      `select rolsuper, rolcreaterole, rolcreatedb, rolinherit, rolbypassrls,
              (select count(*)::int from pg_class where relowner = pg_roles.oid) as owned
       from pg_roles where rolname = $1`,
      [sessions[0]?.usename],
    );
    expect(login).toEqual({
      rolsuper: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolinherit: false,
      rolbypassrls: false,
      owned: 0,
    });
  });

  it("cannot see another tenant's tables", async () => {
    const other = await gateway.createTenant({ name: "globex" });
    await other.rows("create table secrets (secret text)");
    const [row] = await gateway.database.query("select schema_name from postgate_databases where id = $1", [other.id]);
    expect((await tenant.query("select * from secrets")).body).toMatchObject({ sqlstate: "42P01" });
    expect((await tenant.query(`select * from "${String(row?.schema_name)}".secrets`)).body).toMatchObject({
      reason: "QUALIFIED_NAME",
    });
  });

  it("that was created by an INSERT gets its role at its first use", async () => {
    await gateway.database.query("create schema tenant_by_hand");
    const [row] = await gateway.database.query(
      "insert into postgate_databases (name, schema_name) values ('by hand', 'tenant_by_hand') returning id",
    );
    const byHand = await gateway.tenantOf(String(row?.id));
    await byHand.rows("create table t (id int)");
    await expect(byHand.rows("select count(*)::int as n from t")).resolves.toEqual([{ n: 0 }]);
  });

  it("in a schema of the operator's is deleted with the schema, even if it was never used", async () => {
    await gateway.database.query("create schema tenant_never_used; create table tenant_never_used.t (id int)");
    const [row] = await gateway.database.query(
      "insert into postgate_databases (name, schema_name) values ('unused', 'tenant_never_used') returning id",
    );
    const gone = "select delete_tenant_database($1) as gone";
    await expect(gateway.admin.rows(gone, [row?.id])).resolves.toEqual([{ gone: true }]);
    await expect(
      gateway.database.query("select from pg_namespace where nspname = 'tenant_never_used'"),
    ).resolves.toEqual([]);
    await expect(gateway.admin.rows(gone, [row?.id])).resolves.toEqual([{ gone: false }]);
  });

  it.each(["public", "pg_catalog", "pg_toast", "information_schema", "postgate_helpers", "no_such_schema"])(
    "whose schema_name is %s is refused as DATABASE_NOT_FOUND",
    async (schema) => {
      await gateway.database.query("alter table postgate_databases drop constraint if exists unique_schema");
      const [row] = await gateway.database.query(
        "insert into postgate_databases (name, schema_name) values ('bad', $1) returning id",
        [schema],
      );
      const bad = await gateway.tenantOf(String(row?.id));
      expect(await bad.query("select 1")).toMatchObject({ status: 404, body: { code: "DATABASE_NOT_FOUND" } });
    },
  );
});

describe("a dedicated backend", () => {
  it("uses the search_path of its login, with the same policy and limits", async () => {
    const own = await createTestDatabase();
    await openToEverybody(own);
    const role = `dedicated_${own.connection.database}`;
    await own.query(`create role ${role} login`);
    await own.query(`create schema app authorization ${role}`);
    await own.query(`alter role ${role} in database ${own.connection.database} set search_path = app`);
    const { host } = clusterConnection();
    const url = `postgres://${role}@/${own.connection.database}?host=${encodeURIComponent(host)}`;
    const [row] = await gateway.database.query(
      "insert into postgate_databases (name, backend_type, connection_string, max_rows) values ('own', 'dedicated', $1, 3) returning id",
      [url],
    );
    const dedicated = await gateway.tenantOf(String(row?.id));
    await dedicated.rows("create table t (id int)");
    await dedicated.rows("insert into t select generate_series(1, 4)");
    await expect(own.query("select count(*)::int as n from app.t")).resolves.toEqual([{ n: 4 }]);
    expect((await dedicated.query("select * from t")).body).toMatchObject({ code: "ROW_LIMIT_EXCEEDED" });
    expect((await dedicated.query("select * from app.t")).body).toMatchObject({ reason: "QUALIFIED_NAME" });
    expect((await dedicated.query("select pg_sleep(1)")).body).toMatchObject({ reason: "FUNCTION_NOT_ALLOWED" });
    await own.close();
  });

  it("installs the helpers at their first call if its login has the right", async () => {
    const own = await createTestDatabase();
    const { host } = clusterConnection();
    const [row] = await gateway.database.query(
      "insert into postgate_databases (name, backend_type, connection_string) values ('own', 'dedicated', $1) returning id",
      [`postgres://postgres@/${own.connection.database}?host=${encodeURIComponent(host)}`],
    );
    const dedicated = await gateway.tenantOf(String(row?.id));
    await dedicated.rows("create table t (id int primary key, body text default 'x')");
    await expect(dedicated.rows("select * from postgate_helpers.list_tables()")).resolves.toEqual([
      { table_name: "t", row_count: 0 },
    ]);
    await expect(dedicated.rows("select column_name from postgate_helpers.describe_table('t')")).resolves.toEqual([
      { column_name: "id" },
      { column_name: "body" },
    ]);
    await own.close();
  });

  it("that cannot be reached is answered 503 without its connection string, and is tried again later", async () => {
    const [row] = await gateway.database.query(
      "insert into postgate_databases (name, backend_type, connection_string) values ('away', 'dedicated', $1) returning id",
      ["postgres://canary_user:canary_password@127.0.0.1:1/canary_database"],
    );
    const dedicated = await gateway.tenantOf(String(row?.id));
    const answer = await dedicated.query("select 1");
    expect(answer).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
    expect(answer.text).not.toMatch(/canary|127\.0\.0\.1/);
    const own = await createTestDatabase();
    await gateway.database.query("update postgate_databases set connection_string = $2 where id = $1", [
      row?.id,
      `postgres://postgres@/${own.connection.database}?host=${encodeURIComponent(clusterConnection().host)}`,
    ]);
    const deadline = performance.now() + 5_000;
    let again = await dedicated.query("select 1");
    while (again.status !== 200 && performance.now() < deadline) again = await dedicated.query("select 1");
    expect(again.status).toBe(200);
    await own.close();
  });
});

describe("the metadata", () => {
  it.each([
    [
      "postgate_databases",
      {
        id: "uuid",
        name: "character varying(100)",
        backend_type: "character varying(20)",
        schema_name: "character varying(100)",
        connection_string: "text",
        max_rows: "integer",
        created_at: "timestamp with time zone",
      },
    ],
    [
      "postgate_tokens",
      {
        id: "uuid",
        database_id: "uuid",
        name: "character varying(100)",
        token_hash: "character varying(64)",
        token_prefix: "character varying(8)",
        allowed_operations: "text[]",
        created_at: "timestamp with time zone",
        last_used_at: "timestamp with time zone",
      },
    ],
  ])("has the documented columns in %s", async (table, columns) => {
    const rows = await gateway.database.query(
      "select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped",
      [`public.${table}`],
    );
    const found = Object.fromEntries(rows.map((row) => [String(row.name), String(row.type)]));
    expect(found).toMatchObject(columns);
  });

  it("has the default backend type and row limit", async () => {
    const [row] = await gateway.database.query(
      "insert into postgate_databases (name, schema_name) values ('x', 'x1') returning backend_type, max_rows",
    );
    expect(row).toEqual({ backend_type: "schema", max_rows: 1000 });
  });

  it("has the row of the admin database from the start", async () => {
    await expect(
      gateway.database.query(
        "select name, backend_type, schema_name from postgate_databases where id = '00000000-0000-0000-0000-000000000000'",
      ),
    ).resolves.toEqual([{ name: "postgate_admin", backend_type: "schema", schema_name: "public" }]);
  });

  it("has unique names of tokens in each database, and deletes the tokens with their database", async () => {
    const other = await gateway.createTenant();
    await expect(
      gateway.database.query(
        "insert into postgate_tokens (database_id, name, token_hash, token_prefix) select database_id, name, 'x', 'y' from postgate_tokens where database_id = $1",
        [other.id],
      ),
    ).rejects.toMatchObject({ code: "23505" });
    await gateway.database.query("delete from postgate_databases where id = $1", [other.id]);
    await expect(
      gateway.database.query("select 1 from postgate_tokens where database_id = $1", [other.id]),
    ).resolves.toEqual([]);
  });
});

describe("the admin database", () => {
  it("creates and deletes tenants and tokens with its functions", async () => {
    const [made] = await gateway.admin.rows("select * from create_tenant_database('by_admin', 5)");
    expect(made).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      schema_name: expect.stringMatching(/^tenant_[0-9a-f]{32}_by_admin$/) as string,
    });
    const [token] = await gateway.admin.rows("select id, token from create_tenant_token($1, 'app', '{SELECT}')", [
      made?.["id"],
    ]);
    expect(token?.["token"]).toMatch(/^pg_[0-9a-f]{64}$/);
    await expect(gateway.admin.rows("select delete_tenant_token($1) as gone", [token?.["id"]])).resolves.toEqual([
      { gone: true },
    ]);
    await expect(gateway.admin.rows("select delete_tenant_token($1) as gone", [token?.["id"]])).resolves.toEqual([
      { gone: false },
    ]);
    await expect(gateway.admin.rows("select delete_tenant_database($1) as gone", [made?.["id"]])).resolves.toEqual([
      { gone: true },
    ]);
    await expect(gateway.admin.rows("select delete_tenant_database($1) as gone", [made?.["id"]])).resolves.toEqual([
      { gone: false },
    ]);
    await expect(
      gateway.database.query("select 1 from pg_namespace where nspname = $1", [made?.["schema_name"]]),
    ).resolves.toEqual([]);
  });

  it("accepts named arguments in calls of its functions", async () => {
    const [made] = await gateway.admin.rows(
      "select id from create_tenant_database(p_name => 'named', p_max_rows => 7)",
    );
    const named =
      "select token from create_tenant_token(p_database_id => $1, p_name => 'n', p_permissions => array['SELECT'])";
    await expect(gateway.admin.rows(named, [made?.["id"]])).resolves.toHaveLength(1);
    await expect(
      gateway.admin.rows("select delete_tenant_database(p_database_id => $1) as gone", [made?.["id"]]),
    ).resolves.toEqual([{ gone: true }]);
  });

  it("allows its functions to a token with the default permissions", async () => {
    const dml = await gateway.admin.withPermissions("SELECT", "INSERT", "UPDATE", "DELETE");
    const [made] = await dml.rows("select id from create_tenant_database('x')");
    await expect(dml.rows("select delete_tenant_database($1) as gone", [made?.["id"]])).resolves.toEqual([
      { gone: true },
    ]);
  });

  it.each([
    ["create_tenant_database('x')", ["SELECT", "INSERT"] as const],
    ["create_tenant_token('00000000-0000-0000-0000-000000000000', 'y')", ["SELECT", "INSERT"] as const],
    ["delete_tenant_database(gen_random_uuid())", ["SELECT", "DELETE"] as const],
    ["delete_tenant_token(gen_random_uuid())", ["SELECT", "DELETE"] as const],
  ])("allows %s only to a token with %s", async (call, needed) => {
    for (const missing of needed) {
      const without = await gateway.admin.withPermissions(
        ...PERMISSIONS.filter((permission) => permission !== missing),
      );
      expect((await without.query(`select ${call}`)).body).toMatchObject({ reason: "OPERATION_NOT_ALLOWED" });
    }
    const exactly = await gateway.admin.withPermissions(...needed);
    expect((await exactly.query(`select ${call}`)).status).toBe(200);
  });

  it.each([
    ["the admin database", "select delete_tenant_database('00000000-0000-0000-0000-000000000000')"],
    ["an unknown permission", "select create_tenant_token('00000000-0000-0000-0000-000000000000', 'z', '{FLY}')"],
    ["an unknown database", "select create_tenant_token(gen_random_uuid(), 'z')"],
    ["a negative row limit", "select create_tenant_database('z', -1)"],
  ])("refuses a call of its functions with %s", async (_what, sql) => {
    expect(await gateway.admin.query(sql)).toMatchObject({ status: 500, body: { code: "DATABASE_ERROR" } });
  });

  it("refuses a second token of the same name", async () => {
    const call = "select create_tenant_token($1, 'twice')";
    expect((await gateway.admin.query(call, [tenant.id])).status).toBe(200);
    expect((await gateway.admin.query(call, [tenant.id])).status).toBe(500);
  });

  it("can read and write the two tables of the metadata", async () => {
    await gateway.admin.rows("update postgate_databases set max_rows = 999 where id = $1", [tenant.id]);
    await expect(
      gateway.admin.rows("select max_rows from postgate_databases where id = $1", [tenant.id]),
    ).resolves.toEqual([{ max_rows: 999 }]);
    await expect(
      gateway.admin.rows(
        "insert into postgate_databases (name, backend_type, connection_string) values ('d', 'dedicated', 'postgres://x@localhost/y') returning backend_type",
      ),
    ).resolves.toEqual([{ backend_type: "dedicated" }]);
    expect((await gateway.admin.query("delete from postgate_tokens where name = 'twice'")).body).toMatchObject({
      row_count: 1,
    });
  });

  it.each([
    "create table t (id int)",
    "drop table postgate_tokens",
    "alter table postgate_databases add column x int",
    "truncate postgate_tokens",
  ])("refuses DDL: %s", async (sql) => {
    expect((await gateway.admin.query(sql)).body).toMatchObject({ reason: "STATEMENT_NOT_SUPPORTED" });
  });

  it("has helpers that only raise an error", async () => {
    expect((await gateway.admin.query("select * from postgate_helpers.list_tables()")).body).toMatchObject({
      code: "DATABASE_ERROR",
    });
    expect((await gateway.admin.query("select * from postgate_helpers.describe_table('x')")).body).toMatchObject({
      code: "DATABASE_ERROR",
    });
  });

  it.each([
    "select * from postgate_databases",
    "select * from postgate_tokens",
    "select * from public.postgate_tokens",
    'select * from "postgate_tokens"',
    "select create_tenant_database('x')",
    "select public.create_tenant_database('x')",
    "select * from create_tenant_token('00000000-0000-0000-0000-000000000000')",
    "delete from postgate_databases",
    "select delete_tenant_token(gen_random_uuid())",
  ])("cannot be reached by a tenant: %s", async (sql) => {
    const answer = await tenant.query(sql);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.text).not.toMatch(/pg_[0-9a-f]{64}|token_hash/);
  });
});

describe("the helpers", () => {
  let helped: TestTenant;
  beforeAll(async () => {
    helped = await gateway.createTenant();
    await helped.rows("create table b_table (id int primary key, body varchar(10) not null default 'x', tags text[])");
    await helped.rows("create table a_parts (at date) partition by range (at)");
    await helped.rows("create view a_view as select 1 as one");
    await helped.rows("insert into b_table (id) values (1), (2)");
  });

  it("list_tables returns ordinary and partitioned tables in the order of their names, with exact counts", async () => {
    for (const user of [helped, await helped.withPermissions("SELECT")])
      await expect(user.rows("select * from postgate_helpers.list_tables()")).resolves.toEqual([
        { table_name: "a_parts", row_count: 0 },
        { table_name: "b_table", row_count: 2 },
      ]);
  });

  it("describe_table returns the columns in order, with the type names of information_schema", async () => {
    await expect(helped.rows("select * from postgate_helpers.describe_table('b_table')")).resolves.toEqual([
      { column_name: "id", data_type: "integer", is_nullable: false, column_default: null, is_primary_key: true },
      {
        column_name: "body",
        data_type: "character varying",
        is_nullable: false,
        column_default: "'x'::character varying",
        is_primary_key: false,
      },
      { column_name: "tags", data_type: "ARRAY", is_nullable: true, column_default: null, is_primary_key: false },
    ]);
  });

  it("describe_table returns no rows for an unknown table", async () => {
    await expect(helped.rows("select * from postgate_helpers.describe_table($1)", ["nope"])).resolves.toEqual([]);
    await expect(helped.rows("select * from postgate_helpers.describe_table('postgate_tokens')")).resolves.toEqual([]);
  });
});
