// Section 8 of the public contract: a gateway on a database of the original Postgate, and on an operator's variant of it.
// test/integration/migration/adoption.test.ts checks the details of adoption.

import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { TestDatabase } from "../support/cluster.ts";
import { createGateway } from "../../src/gateway.ts";
import { post, startTestGateway, testConfig, type TestGateway, type TestTenant } from "../support/gateway.ts";
import {
  LONG_NAMED_TENANT,
  OLD_STYLE_TENANT,
  OPERATOR_VIEWS_SQL,
  ORIGINAL_FUNCTIONS_SQL,
  ORIGINAL_HELPERS_SQL,
  ORIGINAL_TABLES_SQL,
  ORIGINAL_TENANT,
  ORIGINAL_TENANTS_SQL,
} from "../integration/migration/original-database.ts";

const LEDGER_SQL = `
select relowner::regrole::text as owner, relacl::text as acl, (select jsonb_agg(m) from public._sqlx_migrations m) as rows
from pg_class where oid = 'public._sqlx_migrations'::regclass`;

async function makeOriginal(database: TestDatabase, ...more: string[]): Promise<void> {
  await database.query([ORIGINAL_TABLES_SQL, ...more, ORIGINAL_TENANTS_SQL].join("\n"));
  await database.query("insert into public._sqlx_migrations values (20240101000000, 'initial')");
}

describe.each([
  { of: "an older original, without helpers", sql: [ORIGINAL_FUNCTIONS_SQL] },
  { of: "an original with helpers", sql: [ORIGINAL_FUNCTIONS_SQL, ORIGINAL_HELPERS_SQL] },
])("an adopted database of $of", ({ sql }) => {
  let gateway: TestGateway;
  let ledgerBefore: unknown;

  beforeAll(async () => {
    gateway = await startTestGateway({
      prepare: async (database) => {
        await makeOriginal(database, ...sql);
        ledgerBefore = await database.query(LEDGER_SQL);
      },
    });
  });
  afterAll(() => gateway.close());

  const asBefore = (statement: string, params?: unknown[]) =>
    post(gateway.url, ORIGINAL_TENANT.token, { sql: statement, params });

  it("serves its tokens and its data at once", async () => {
    expect((await asBefore("select id, tag, mood from items")).body).toEqual({
      rows: [{ id: 1, tag: "kept", mood: "ok" }],
      row_count: 1,
    });
    expect((await asBefore("insert into items (tag) values ($1) returning id", ["new"])).body).toMatchObject({
      rows: [{ id: 2 }],
    });
  });

  it("has no row limit when max_rows is negative", async () => {
    expect((await asBefore("select * from generate_series(1, 5000)")).body).toMatchObject({ row_count: 5_000 });
  });

  it("lets the tenant change its existing tables, views, sequences and types", async () => {
    const tenant = await gateway.tenantOf(ORIGINAL_TENANT.id);
    for (const statement of [
      "alter table items add column extra int default 7",
      "create index on items (tag)",
      "create or replace view shown as select id, n, tag, mood, extra from items",
      "refresh materialized view stored",
      "alter sequence free restart with 10",
      "alter type mood add value 'great'",
      "alter domain label set default 'x'",
      "create table later (item int references items)",
      "drop table lines",
      "drop table parts",
    ])
      await tenant.rows(statement);
    await expect(tenant.rows("select nextval('free') as n")).resolves.toEqual([{ n: 10 }]);
    expect((await asBefore("select count(*) as n from later")).body).toMatchObject({ rows: [{ n: 0 }] });
  });

  it.each([
    ["db_<8 hex>_<name>", OLD_STYLE_TENANT.id, "posts"],
    ["a name that PostgreSQL cut at 63 bytes, while the row keeps the long one", LONG_NAMED_TENANT.id, "here"],
  ])("serves a schema named %s", async (_form, id, table) => {
    const tenant = await gateway.tenantOf(id);
    await tenant.rows(`insert into ${table} values (42)`);
    await expect(tenant.rows(`select * from ${table}`)).resolves.toEqual([{ id: 42 }]);
  });

  it("has the current helpers, which run with the caller's rights", async () => {
    const { body } = await asBefore("select table_name from postgate_helpers.list_tables() where table_name = 'items'");
    expect(body).toMatchObject({ rows: [{ table_name: "items" }] });
    await expect(
      gateway.database.query(
        "select distinct prosecdef from pg_proc where pronamespace = 'postgate_helpers'::regnamespace and proname in ('list_tables', 'describe_table')",
      ),
    ).resolves.toEqual([{ prosecdef: false }]);
  });

  it("has the four current admin functions for the tokens of the admin database", async () => {
    const [made] = await gateway.admin.rows("select * from create_tenant_database('after adoption')");
    const [token] = await gateway.admin.rows("select * from create_tenant_token($1)", [made?.["id"]]);
    expect((await post(gateway.url, String(token?.["token"]), { sql: "select 1" })).status).toBe(200);
    await expect(gateway.admin.rows("select delete_tenant_token($1) as gone", [token?.["id"]])).resolves.toEqual([
      { gone: true },
    ]);
    await expect(gateway.admin.rows("select delete_tenant_database($1) as gone", [made?.["id"]])).resolves.toEqual([
      { gone: true },
    ]);
  });

  it("keeps its ledger _sqlx_migrations unchanged", async () => {
    await expect(gateway.database.query(LEDGER_SQL)).resolves.toEqual(ledgerBefore);
  });

  describe("has walls in PostgreSQL that do not depend on the judge:", () => {
    let roles: { owner: string; other: string };
    beforeAll(async () => {
      const [row] = await gateway.database.query(
        "select oid::text as oid from pg_database where datname = current_database()",
      );
      const roleOf = (id: string): string => `postgate_t${String(row.oid)}_${id.replaceAll("-", "")}`;
      roles = { owner: roleOf(ORIGINAL_TENANT.id), other: roleOf(OLD_STYLE_TENANT.id) };
    });

    it.each([
      ["another tenant's table", `table ${OLD_STYLE_TENANT.schema}.posts`],
      ["the tokens", "table public.postgate_tokens"],
      ["the databases", "table public.postgate_databases"],
      ["the original's ledger", "table public._sqlx_migrations"],
      ["an admin function", "select public.create_tenant_database('x')"],
      ["a table in public", "create table public.mine (id int)"],
      ["a table in another tenant's schema", `create table ${OLD_STYLE_TENANT.schema}.mine (id int)`],
      ["a schema", "create schema mine"],
    ])("the tenant's role has no right to %s", async (_what, statement) => {
      await expect(gateway.database.query(`begin; set local role ${roles.owner}; ${statement}`)).rejects.toMatchObject({
        code: "42501",
      });
      await gateway.database.query("rollback");
    });

    it("the tenant's role is no member of another tenant's role", async () => {
      await expect(
        gateway.database.query("select pg_has_role($1, $2, 'MEMBER') as member", [roles.owner, roles.other]),
      ).resolves.toEqual([{ member: false }]);
    });

    it.each(["select * from postgate_tokens", "select * from _sqlx_migrations", `select * from posts`])(
      "a tenant's statement is refused: %s",
      async (statement) => {
        expect((await asBefore(statement)).body).toMatchObject({
          code: expect.stringMatching(/^(PARSE|DATABASE)_ERROR$/) as string,
        });
      },
    );
  });

  it("serves the same data after another start", async () => {
    const again = await startSecond(gateway.database);
    expect(
      (await post(again, ORIGINAL_TENANT.token, { sql: "select tag from items where id = 1" })).body,
    ).toMatchObject({
      rows: [{ tag: "kept" }],
    });
  });
});

describe("an operator's variant with views in place of tables and POSTGATE_SKIP_MIGRATIONS", () => {
  const TOKEN = `pg_${"b2".repeat(32)}`;
  let gateway: TestGateway;
  let before: unknown;
  const stateOf = (database: TestDatabase): Promise<unknown> =>
    database.query(`
      select relname::text as name, relkind::text as kind, relowner::regrole::text as owner from pg_class
      where relnamespace in ('public'::regnamespace, 'app'::regnamespace)
      union all select proname, prosrc, proowner::regrole::text from pg_proc where pronamespace = 'public'::regnamespace
      order by 1, 2`);

  beforeAll(async () => {
    gateway = await startTestGateway({
      config: { skipMigrations: true },
      prepare: async (database) => {
        await database.query(OPERATOR_VIEWS_SQL);
        await database.query(
          "insert into public.postgate_tokens (database_id, name, token_hash, token_prefix, allowed_operations) values ($1, 'root', $2, $3, '{SELECT,INSERT,UPDATE,DELETE}')",
          ["00000000-0000-0000-0000-000000000000", createHash("sha256").update(TOKEN).digest("hex"), TOKEN.slice(0, 8)],
        );
        // The operator's variant has no function that creates tokens, but the test gateway needs one.
        await database.query(`create function public.create_tenant_token(p_database_id uuid, p_name varchar default 'default', p_permissions text[] default '{SELECT}')
          returns table (id uuid, token text) language plpgsql as $$
          declare v_token text := 'pg_' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
          begin
            insert into public.postgate_tokens (database_id, name, token_hash, token_prefix, allowed_operations)
            values (p_database_id, p_name, encode(sha256(v_token::bytea), 'hex'), left(v_token, 8), p_permissions);
            return query select gen_random_uuid(), v_token;
          end $$`);
        before = await stateOf(database);
      },
    });
  });
  afterAll(() => gateway.close());

  it("serves the operator's tokens, and records their use in the operator's column", async () => {
    const answer = await post(gateway.url, TOKEN, { sql: "select name from postgate_databases" });
    expect(answer.body).toEqual({ rows: [{ name: "postgate_admin" }], row_count: 1 });
    await expect
      .poll(() => gateway.database.query("select used is not null as used from app.keys where title = 'root'"))
      .toEqual([{ used: true }]);
  });

  it("creates databases with the operator's own function, and their tenants can run DDL at their first use", async () => {
    const made = await post(gateway.url, TOKEN, { sql: "select * from create_tenant_database('theirs', 5)" });
    const [{ id, schema_name: schema }] = (made.body as { rows: [{ id: string; schema_name: string }] }).rows;
    expect(schema).toMatch(/^project_/);
    const tenant: TestTenant = await gateway.tenantOf(id);

    await tenant.rows("create table mine (id int)");

    await expect(tenant.rows("insert into mine values (1) returning id")).resolves.toEqual([{ id: 1 }]);
    expect((await tenant.query("select * from postgate_tokens")).status).toBe(400);
    const gone = await post(gateway.url, TOKEN, { sql: "select delete_tenant_database($1) as gone", params: [id] });
    expect(gone.body).toMatchObject({ rows: [{ gone: true }] });
  });

  it("leaves the operator's views, tables and functions unchanged", async () => {
    await expect(stateOf(gateway.database)).resolves.toEqual(before);
  });
});

async function startSecond(database: TestDatabase): Promise<string> {
  const second = createGateway(testConfig(database));
  onTestFinished(() => second.close());
  return (await second.listen()).url;
}
