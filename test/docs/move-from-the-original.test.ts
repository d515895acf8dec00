// Each row of docs/how-to/move-from-the-original.md, shown on a database as the original left it.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import type { Permission } from "../../src/base/permissions.ts";
import { connect } from "../../src/postgres/connect.ts";
import { createTestDatabase } from "../support/cluster.ts";
import { type Answer, post, startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";
import {
  ORIGINAL_FUNCTIONS_SQL,
  ORIGINAL_HELPERS_SQL,
  ORIGINAL_TABLES_SQL,
  ORIGINAL_TENANT,
  ORIGINAL_TENANTS_SQL,
} from "../integration/migration/original-database.ts";

const page = readFileSync(new URL("../../docs/how-to/move-from-the-original.md", import.meta.url), "utf8");

let gateway: TestGateway;
let tenant: TestTenant;
beforeAll(async () => {
  gateway = await startTestGateway({
    config: { queryTimeoutMs: 300 },
    prepare: async (database) => {
      await database.query(
        [ORIGINAL_TABLES_SQL, ORIGINAL_FUNCTIONS_SQL, ORIGINAL_HELPERS_SQL, ORIGINAL_TENANTS_SQL].join("\n"),
      );
    },
  });
  tenant = await gateway.tenantOf(ORIGINAL_TENANT.id);
});
afterAll(() => gateway.close());

const as = async (permissions: Permission[], sql: string): Promise<Answer> =>
  (await tenant.withPermissions(...permissions)).query(sql);
const reasonOf = async (answer: Promise<Answer>): Promise<unknown> =>
  ((await answer).body as { reason: unknown }).reason;
const countOf = async (table: string): Promise<number> =>
  (await gateway.database.query(`select count(*)::int as n from ${ORIGINAL_TENANT.schema}.${table}`))[0].n as number;

/** By what the row says first. */
const SHOWN: Readonly<Record<string, () => Promise<void> | void>> = {
  "data-modifying `WITH`": async () => {
    const sql = "with gone as (delete from items returning *) select * from gone";
    expect(await reasonOf(as(["SELECT"], sql))).toBe("OPERATION_NOT_ALLOWED");
  },
  "`SELECT … INTO`": async () => {
    expect(await reasonOf(as(["SELECT"], "select * into copy from items"))).toBe("OPERATION_NOT_ALLOWED");
  },
  "`SELECT … FOR UPDATE`": async () => {
    expect(await reasonOf(as(["SELECT"], "select * from items for update"))).toBe("OPERATION_NOT_ALLOWED");
  },
  "a token with an empty list": async () => {
    expect(await reasonOf(as([], "select 1"))).toBe("OPERATION_NOT_ALLOWED");
  },
  "a tenant's call of an admin function": async () => {
    const call = "create_tenant_token('00000000-0000-0000-0000-000000000000')";
    expect(await reasonOf(tenant.query(`select public.${call}`))).toBe("QUALIFIED_NAME");
    expect(await reasonOf(tenant.query(`select ${call}`))).toBe("FUNCTION_NOT_ALLOWED");
  },
  "functions that reach files": async () => {
    for (const call of [
      "pg_read_file('PG_VERSION')",
      "set_config('role', 'postgres', true)",
      "query_to_xml('select 1', true, true, '')",
      "pg_sleep(1)",
    ])
      expect(await reasonOf(tenant.query(`select ${call}`))).toBe("FUNCTION_NOT_ALLOWED");
  },
  "any statement on `postgate_helpers`": async () => {
    expect(await reasonOf(tenant.query("create table postgate_helpers.x (id int)"))).toBe("QUALIFIED_NAME");
  },
  "`postgate_helpers.list_tables()`": async () => {
    const rows = await tenant.rows("select table_name from postgate_helpers.list_tables()");
    expect(rows.map(({ table_name: name }) => name)).toContain("items");
    expect(rows.map(({ table_name: name }) => name)).not.toContain("postgate_tokens");
  },
  "more rows than `max_rows`": async () => {
    const limited = await gateway.createTenant({ maxRows: 2 });
    await limited.rows("create table t (id int)");
    const answer = await limited.query("insert into t select generate_series(1, 3) returning id");
    expect(answer.body).toMatchObject({ code: "ROW_LIMIT_EXCEEDED" });
    expect(await limited.rows("select * from t")).toEqual([]);
  },
  "a statement that runs out of time": async () => {
    const slow = "insert into lines select 1 from generate_series(1, 100000) a, generate_series(1, 100000) b";
    expect(await tenant.query(slow)).toMatchObject({ status: 504, body: { code: "TIMEOUT" } });
    const running = "select from pg_stat_activity where state = 'active' and query like 'insert into lines%'";
    expect(await gateway.database.query(running)).toEqual([]);
    expect(await countOf("lines")).toBe(0);
  },
  "a dedicated database": async () => {
    const own = await createTestDatabase();
    await own.query("create table t (id int)");
    const [row] = await gateway.database.query(
      "insert into postgate_databases (name, backend_type, connection_string, max_rows) values ('own', 'dedicated', $1, 2) returning id",
      [`postgres://postgres@/${own.connection.database}?host=${encodeURIComponent(own.connection.host)}`],
    );
    const dedicated = await gateway.tenantOf(String(row.id));
    const sql = "insert into t select generate_series(1, 3) returning id";
    expect((await dedicated.query(sql)).body).toMatchObject({ code: "ROW_LIMIT_EXCEEDED" });
    expect(await own.query("select * from t")).toEqual([]);
    expect(await reasonOf(dedicated.query("select pg_sleep(1)"))).toBe("FUNCTION_NOT_ALLOWED");
    await own.close();
  },
  "a value of a type": async () => {
    expect(await tenant.rows("select '10.0.0.0/8'::inet as a, '[1,2)'::int4range as b, point(1, 2) as c")).toEqual([
      { a: "10.0.0.0/8", b: "[1,2)", c: "(1,2)" },
    ]);
  },
  "the database of tokens cannot be read": async () => {
    const { token } = await gateway.createTenant();
    await gateway.database.query("alter table postgate_tokens rename to away");
    const answer = await post(gateway.url, token, { sql: "select 1" });
    await gateway.database.query("alter table away rename to postgate_tokens");
    expect(answer).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
  },
  "a negative `max_rows`": async () => {
    const refused = gateway.database.query(
      "insert into postgate_databases (name, schema_name, max_rows) values ('x', 'x', -1)",
    );
    await expect(refused).rejects.toMatchObject({ code: "23514" });
    expect(await tenant.rows("select count(*)::int as n from generate_series(1, 5000)")).toEqual([{ n: 5000 }]);
    expect((await tenant.query("select * from generate_series(1, 5000)")).body).toMatchObject({ row_count: 5000 });
  },
  "the admin functions": async () => {
    const role = `other_${gateway.database.connection.database}`;
    await gateway.database.query(`create role ${role} login`);
    await gateway.database.query(`grant connect on database ${gateway.database.connection.database} to ${role}`);
    const client = await connect({ ...gateway.database.connection, user: role });
    await expect(client.query("select public.create_tenant_database('x')")).rejects.toMatchObject({ code: "42501" });
    await client.end();
    await gateway.database.query(`drop owned by ${role}; drop role ${role}`);
  },
  "a setting that cannot be used": () => {
    expect(() => loadConfig({ POSTGATE_PORT: "x" }, { cwd: "/" })).toThrow(/POSTGATE_PORT="x": must be/);
  },
};

const rows = [...page.matchAll(/^\| (?!What|---)(.+?) \| .+? \| .+ \|$/gm)].map(([, what = ""]) => what);

describe("docs/how-to/move-from-the-original.md", () => {
  it("has a row for each difference that is shown here", () => {
    expect(Object.keys(SHOWN).filter((start) => !rows.some((row) => row.startsWith(start)))).toEqual([]);
  });

  it.each(rows)("is right about: %s", async (row) => {
    const shown = Object.entries(SHOWN).find(([start]) => row.startsWith(start));
    expect(shown, "no test shows it").toBeDefined();
    await shown?.[1]();
  });
});
