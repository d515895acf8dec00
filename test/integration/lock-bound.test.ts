// How many objects one transaction may lock, over HTTP, on a server whose lock table is small.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startOwnCluster } from "../support/own-cluster.ts";
import { type Answer, post, startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

let gateway: TestGateway;
let tenant: TestTenant;
beforeAll(async () => {
  // Room for some 1,500 locks, of which one transaction may take half.
  const database = await startOwnCluster({ max_connections: "50", max_locks_per_transaction: "20" });
  gateway = await startTestGateway({ database });
  tenant = await gateway.createTenant();
});
afterAll(() => gateway.close());

function batch(statements: readonly string[]): Promise<Answer> {
  return post(gateway.url, tenant.token, { statements: statements.map((sql) => ({ sql })) });
}

const range = (count: number): number[] => [...Array(count).keys()];
const OVER_BOUND = { status: 500, body: { code: "DATABASE_ERROR", sqlstate: "53400" } };

/** Makes the partitions `<parent>_<n>`. */
async function partition(parent: string, count: number): Promise<void> {
  for (let from = 0; from < count; from += 500) {
    const numbers = range(Math.min(500, count - from)).map((index) => from + index);
    const made = await batch(
      numbers.map((n) => `create table ${parent}_${n} partition of ${parent} for values in (${n})`),
    );
    expect(made.status, made.text.slice(0, 300)).toBe(200);
  }
}

describe("the locks of one transaction", () => {
  it("are bounded where tables are made and dropped again and again", async () => {
    const columns = range(30).map((index) => `c${index} int unique`);
    const rounds = range(20).flatMap(() => [`create table t (${columns.join(", ")})`, "drop table t"]);
    const refused = await batch(rounds);
    expect(refused).toMatchObject(OVER_BOUND);
    expect(refused.body.error).toContain("One transaction may lock at most");
    expect(refused.body.statement).toBeLessThan(rounds.length);
    expect(await batch(rounds.slice(0, 4))).toMatchObject({ status: 200 });
  });

  it("are bounded before an ALTER TABLE makes many indexes on each of many partitions", async () => {
    await tenant.rows("create table p (k int, a int) partition by list (k)");
    await partition("p", 40);
    const unique = "add unique (k, a)";
    expect(
      await tenant.query(
        `alter table p ${range(60)
          .map(() => unique)
          .join(", ")}`,
      ),
    ).toMatchObject(OVER_BOUND);
    expect(await tenant.query(`alter table p ${unique}`)).toMatchObject({ status: 200 });
    expect(await tenant.query("create index on p (a)")).toMatchObject({ status: 200 });
    expect(await tenant.query("alter table p add column b text")).toMatchObject({ status: 200 });
    expect(await tenant.query("drop table p")).toMatchObject({ status: 200 });
  });

  it("are bounded before a table with many partitions gets the indexes of another", async () => {
    await tenant.rows("create table parent (k int, j int) partition by list (k)");
    await batch(range(10).map(() => "create index on parent (j)"));
    await tenant.rows("create table c (k int, j int) partition by list (j)");
    await partition("c", 40);
    expect(await tenant.query("alter table parent attach partition c for values in (1)")).toMatchObject(OVER_BOUND);
    await tenant.rows("create table d (k int, j int)");
    expect(await tenant.query("alter table parent attach partition d for values in (2)")).toMatchObject({
      status: 200,
    });
    expect(await tenant.query("alter table parent detach partition d")).toMatchObject({ status: 200 });
  });

  it("are bounded before a DROP that takes thousands of defaults and checks with it", async () => {
    const columns = range(60).map((index) => `c${index} int default 1 check (c${index} > 0)`);
    await tenant.rows(`create table wide (${columns.join(", ")})`);
    for (let index = 0; index < 8; index += 1)
      await tenant.rows(`create table wide_${index} (like wide including defaults including constraints)`);
    const names = range(8).map((index) => `wide_${index}`);
    expect(await tenant.query(`drop table wide, ${names.join(", ")}`)).toMatchObject(OVER_BOUND);
    for (const name of names) expect(await tenant.query(`drop table ${name}`)).toMatchObject({ status: 200 });
  });
});
