// How many relations a tenant may keep, over HTTP: what counts, who pays, and that nothing is kept beyond it.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, post, startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

async function setLimit(tenant: TestTenant, maxRelations: number | null): Promise<void> {
  const sql = "update postgate_databases set max_relations = $2 where id = $1::uuid";
  expect((await gateway.admin.query(sql, [tenant.id, maxRelations])).body).toMatchObject({ row_count: 1 });
}

/** The same tenant by a new token, which no cache knows: its limits are those of the row. */
const anew = (tenant: TestTenant): Promise<TestTenant> => gateway.tenantOf(tenant.id);

/** A tenant whose row has the limit before it sends anything. */
async function createLimited(maxRelations: number): Promise<TestTenant> {
  const tenant = await gateway.createTenant();
  await setLimit(tenant, maxRelations);
  return tenant;
}

function batch(tenant: TestTenant, statements: readonly string[], options: object = {}): Promise<Answer> {
  return post(gateway.url, tenant.token, { statements: statements.map((sql) => ({ sql })), ...options });
}

const OVER_LIMIT = { status: 500, body: { code: "DATABASE_ERROR", sqlstate: "53400" } };

async function countTables(tenant: TestTenant): Promise<number> {
  return (await tenant.rows("select table_name from postgate_helpers.list_tables()")).length;
}

describe("max_relations", () => {
  it("is 1000 for a new database", async () => {
    const { id } = await gateway.createTenant();
    const { body } = await gateway.admin.query("select max_relations from postgate_databases where id = $1::uuid", [
      id,
    ]);
    expect(body.rows).toEqual([{ max_relations: 1000 }]);
  });

  it("takes only what is above zero", async () => {
    const { id } = await gateway.createTenant();
    const sql = "update postgate_databases set max_relations = 0 where id = $1::uuid";
    expect((await gateway.admin.query(sql, [id])).body).toMatchObject({ code: "DATABASE_ERROR", sqlstate: "23514" });
  });

  describe.each([
    ["a table", "create table extra (id int)"],
    ["a table with a key", "create table extra (id serial primary key, name text unique)"],
    ["a partition", "create table extra partition of parent for values in (1)"],
    ["a table like another", "create table extra (like parent including all)"],
    ["CREATE TABLE AS", "create table extra as select 1 as id"],
    ["SELECT INTO", "select 1 as id into extra"],
    ["a view", "create view extra as select 1 as id"],
    ["a materialized view", "create materialized view extra as select 1 as id"],
    ["a sequence", "create sequence extra"],
    ["a sequence that is owned no more", "alter sequence parent_id_seq owned by none"],
  ])("for %s", (_, sql) => {
    it("refuses one more, alone and in a batch, and lets the last one be made", async () => {
      const tenant = await createLimited(2);
      await tenant.rows("create table parent (id serial, part int) partition by list (part)");
      await tenant.rows("create table second (id int)");
      const refused = await tenant.query(sql);
      expect(refused).toMatchObject(OVER_LIMIT);
      expect(refused.body.error).toBe("This database may have 2 tables, views and sequences, and would have 3");
      expect(await batch(tenant, ["select 1", sql, "select 2"])).toMatchObject({
        status: 500,
        body: { sqlstate: "53400", statement: 1 },
      });
      expect(await countTables(tenant)).toBe(2);
      await tenant.rows("drop table second");
      expect(await tenant.query(sql)).toMatchObject({ status: 200 });
    });
  });

  it("counts indexes and sequences of columns ten to one", async () => {
    const tenant = await createLimited(1);
    await tenant.rows("create table t (id serial primary key, a int unique, b int)"); // Three.
    await batch(tenant, Array(7).fill("create index on t (b)"));
    for (const sql of ["create index on t (b)", "alter table t add unique (b)", "alter table t add column c serial"]) {
      const refused = await tenant.query(sql);
      expect(refused).toMatchObject(OVER_LIMIT);
      expect(refused.body.error).toBe("This database may have 10 indexes and sequences of columns, and would have 11");
    }
    expect(await tenant.query("alter table t add column d int")).toMatchObject({ status: 200 });
    expect(await tenant.query("insert into t (a) values (1)")).toMatchObject({ status: 200 });
  });

  it("leaves other changes alone when the database has reached it, or has more since it was lowered", async () => {
    const before = await createLimited(3);
    for (const name of ["a", "b", "c"]) await before.rows(`create table ${name} (id int primary key)`);
    await setLimit(before, 1);
    const tenant = await anew(before);
    for (const sql of [
      "create table if not exists a (id int)",
      "alter table a add column name text",
      "alter table a rename to d",
      "create type mood as enum ('glad')",
      "truncate b",
      "drop table d",
    ])
      expect(await tenant.query(sql), sql).toMatchObject({ status: 200 });
    expect(await tenant.query("create table e (id int)")).toMatchObject(OVER_LIMIT);
    expect(await tenant.query("alter table b add column s serial unique")).toMatchObject(OVER_LIMIT);
  });

  it("is no limit when it is null", async () => {
    const tenant = await createLimited(1);
    await setLimit(tenant, null);
    const created = await batch(tenant, ["create table a ()", "create table b ()"]);
    expect(created).toMatchObject({ status: 200 });
  });

  it("counts what a batch makes as a whole, and keeps nothing of it", async () => {
    const tenant = await createLimited(10);
    const create = (index: number) => `create table t${index} (id int)`;
    const refused = await batch(tenant, [...Array(11).keys()].map(create));
    expect(refused).toMatchObject({ ...OVER_LIMIT, body: { statement: 10 } });
    expect(await countTables(tenant)).toBe(0);
    const replacing = [...Array(10).keys()].flatMap((index) => [create(index), `drop table t${index}`]);
    expect(await batch(tenant, [...replacing, ...replacing])).toMatchObject({ status: 200 });
  });

  it.each([undefined, "repeatable read", "serializable"])(
    "holds against requests side by side (%s)",
    async (isolation) => {
      const tenant = await createLimited(5);
      const answers = await Promise.all(
        [...Array(24).keys()].map((index) =>
          batch(tenant, [`create table t${index} (id int)`], isolation === undefined ? {} : { isolation }),
        ),
      );
      expect(await countTables(tenant)).toBeLessThanOrEqual(5);
      const codes = answers.map(({ status, body }) => (status === 200 ? "200" : body.sqlstate));
      expect(new Set(codes)).toEqual(new Set(isolation === undefined ? ["200", "53400"] : codes));
      expect(codes.filter((code) => !["200", "40001", "53400"].includes(code))).toEqual([]);
      if (isolation === undefined) expect(codes.filter((code) => code === "200")).toHaveLength(5);
    },
  );

  it("lets a migration make 300 tables with their indexes in one batch", async () => {
    const tenant = await gateway.createTenant();
    const statements = [...Array(300).keys()].flatMap((index) => [
      `create table t${index} (id serial primary key, name text not null unique, v int default 1)`,
      `create index on t${index} (v)`,
    ]);
    const answer = await batch(tenant, statements);
    expect(answer.text.slice(0, 200)).toContain("results");
    expect(await countTables(tenant)).toBe(300);
  });

  it("costs one tenant nothing for what another has", async () => {
    const [full, other] = [await createLimited(1), await createLimited(1)];
    await full.rows("create table t (id int)");
    expect(await other.query("create table t (id int)")).toMatchObject({ status: 200 });
  });
});
