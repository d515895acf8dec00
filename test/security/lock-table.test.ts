// One tenant tries to fill the lock table that all tenants share, within its limits and beyond them. Meanwhile others must be able to
// create tables, and new connections must be possible.

import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startOwnCluster } from "../support/own-cluster.ts";
import { type Answer, post, startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

const MAX_RELATIONS = 25;
/** Tenants get 14 of these connections. One tenant gets at most ten of the 14, so four are left for the others. */
const POOL_SIZE = 17;
const SHARE = 10;

let gateway: TestGateway;
let hostile: TestTenant;
let other: TestTenant;
beforeAll(async () => {
  const database = await startOwnCluster({ max_connections: "60", max_locks_per_transaction: "64" });
  gateway = await startTestGateway({ database, config: { poolSize: POOL_SIZE } });
  [hostile, other] = [await gateway.createTenant(), await gateway.createTenant()];
  await gateway.admin.query("update postgate_databases set max_relations = $2 where id = $1::uuid", [
    hostile.id,
    MAX_RELATIONS,
  ]);
});
afterAll(() => gateway.close());

const range = (count: number): number[] => [...Array(count).keys()];

function batch(tenant: TestTenant, statements: readonly string[]): Promise<Answer> {
  return post(gateway.url, tenant.token, { statements: statements.map((sql) => ({ sql })) });
}

async function connectAnew(): Promise<pg.Client> {
  const client = new pg.Client({ ...gateway.database.connection, password: "" });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

let names = 0;

/** Requires that another tenant can create and drop a table, and that a new connection is possible. */
async function requireRoomForOthers(): Promise<void> {
  const name = `t${++names}`;
  const created = await other.query(`create table ${name} (id serial primary key, name text unique)`);
  expect(created, created.text).toMatchObject({ status: 200 });
  expect(await other.query(`drop table ${name}`)).toMatchObject({ status: 200 });
  await (await connectAnew()).end();
}

describe("a tenant that tries to fill the lock table", () => {
  it("cannot fill it with batches of CREATE TABLE, even if it sends many at once", async () => {
    const columns = range(10).map((index) => `c${index} int unique`);
    const creating = range(450).flatMap((n) => [`create table x${n} (id serial primary key, ${columns.join(", ")})`]);
    const replacing = range(450).flatMap(() => [
      `create table y (id serial primary key, ${columns.join(", ")})`,
      "drop table y",
    ]);
    const state = { isOver: false };
    const attack = Promise.all(
      [creating, replacing, creating, replacing].map((statements) => batch(hostile, statements)),
    );
    void attack.finally(() => (state.isOver = true));
    while (!state.isOver) await requireRoomForOthers();
    for (const answer of await attack)
      expect(answer, answer.text.slice(0, 300)).toMatchObject({ status: 500, body: { sqlstate: "53400" } });
    await requireRoomForOthers();
  });

  it("cannot fill it by reading as many relations as it may have, on as many connections as it may use", async () => {
    await hostile.rows("create table gate (id int)");
    await hostile.rows("insert into gate values (1)");
    await hostile.rows("create table p (k int, a int) partition by list (k)");
    const partitions = range(MAX_RELATIONS - 2);
    const made = await batch(
      hostile,
      partitions.map((n) => `create table p${n} partition of p for values in (${n})`),
    );
    expect(made).toMatchObject({ status: 200 });
    const indexing = range(10 * MAX_RELATIONS).map(() => () => hostile.query("create index on p (a)"));
    for (const createIndex of indexing) if ((await createIndex()).status !== 200) break;
    const holder = await connectAnew();
    const [{ schema }] = await gateway.database.query(
      "select schema_name as schema from postgate_databases where id = $1",
      [hostile.id],
    );
    await holder.query(`begin; select from ${schema}.gate for update`);
    const reads = range(SHARE + 10).map(() =>
      hostile.query("select id, (select count(*) from p) from gate for update"),
    );
    const waiting = "select count(*)::int from pg_locks where locktype in ('tuple', 'transactionid') and not granted";
    await expect.poll(async () => (await gateway.database.query(waiting))[0].count, { timeout: 20_000 }).toBe(SHARE);
    const [{ count }] = await gateway.database.query("select count(*)::int from pg_locks");
    expect(count).toBeGreaterThan(SHARE * 10 * MAX_RELATIONS * 0.9);
    await requireRoomForOthers();
    const [{ token }] = await gateway.database.query("select token from create_tenant_token($1, 'more')", [other.id]);
    expect(await post(gateway.url, String(token), { sql: "select 1" })).toMatchObject({ status: 200 });
    await holder.query("commit");
    await holder.end();
    expect(new Set((await Promise.all(reads)).map(({ status }) => status))).toEqual(new Set([200]));
  });

  it("cannot fill it with one statement", async () => {
    const unique = range(60).map(() => "add unique (k, a)");
    await hostile.rows("alter table p drop column a cascade");
    await hostile.rows("alter table p add column a int");
    for (const sql of [
      `alter table p ${unique.join(", ")}`,
      `create table q (${range(900)
        .map((n) => `c${n} serial unique`)
        .join(", ")})`,
    ])
      expect(await hostile.query(sql), sql.slice(0, 40)).toMatchObject({ status: 500, body: { sqlstate: "53400" } });
    await requireRoomForOthers();
  });
});
