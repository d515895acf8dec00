// One tenant fills its share with statements that no cancel interrupts. PostgreSQL runs each for a dozen seconds or more, far
// beyond the time at which the gateway gives it up.

import { describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/postgres/connect.ts";
import { type ClusterVersion, hasCluster } from "../support/cluster.ts";
import { post, startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

/** strpos compares each of the places with most of the needle. Sizes that come from a subquery are not the judge's to know. */
const BURN =
  "select strpos(x.text, x.needle) from (select repeat('a', 300000) as text, 'b' || repeat('a', 100000) as needle offset 0) as x";
const POOL_SIZE = 8;
/** Three connections of the process are not for tenants' statements; one tenant has three quarters of the rest. */
const SHARE = 3;

async function start(): Promise<TestGateway> {
  const gateway = await startTestGateway({ config: { poolSize: POOL_SIZE, queryTimeoutMs: 300 } });
  onTestFinished(() => gateway.close());
  return gateway;
}

/** Backends of the tenants' login that run the statement. */
async function countBurning({ database }: TestGateway): Promise<number> {
  const [row] = await database.query(
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and state = 'active' and query ~ 'strpos' and pid <> pg_backend_pid()`,
  );
  return Number(row?.count);
}

async function timeOf(tenant: TestTenant): Promise<number> {
  const startedAt = performance.now();
  expect((await tenant.query("select 1")).status).toBe(200);
  return performance.now() - startedAt;
}

describe("a tenant whose statements take no cancel", () => {
  it("holds no more backends than its share, and others' SELECT 1 goes on", async () => {
    const gateway = await start();
    const [greedy, modest] = [await gateway.createTenant(), await gateway.createTenant()];
    await timeOf(modest);
    const attacks = Promise.all(Array.from({ length: 40 }, () => greedy.query(BURN)));
    const timesMs: number[] = [];
    let mostBurning = 0;
    const answered = { all: false };
    const over = attacks.then(() => (answered.all = true));
    while (!answered.all) {
      timesMs.push(await timeOf(modest));
      mostBurning = Math.max(mostBurning, await countBurning(gateway));
    }
    await over;
    const statuses = new Set((await attacks).map(({ status }) => status));
    expect([...statuses].sort()).toEqual([503, 504]);
    expect(mostBurning).toBe(SHARE);
    timesMs.sort((one, other) => one - other);
    console.log(
      `SELECT 1 of another tenant: ${timesMs.length} times, p50 ${timesMs[timesMs.length >> 1]?.toFixed(1)} ms, longest ${timesMs.at(-1)?.toFixed(1)} ms`,
    );
    expect(timesMs.at(-1)).toBeLessThan(5_000); // Five times what is promised: 1 s.
    await expect.poll(() => countBurning(gateway), { timeout: 120_000, interval: 500 }).toBe(0);
    await expect.poll(async () => (await greedy.query("select 1")).status, { timeout: 10_000 }).toBe(200);
  }, 180_000);

  it.each([
    "select length(translate(repeat('a',50000000), repeat('b',200000), ''))",
    "select polygon(20000, circle '((0,0),1)') <-> polygon(20000, circle '((5,5),1)')",
    "select path(polygon(20000, circle '((0,0),1)')) <-> path(polygon(20000, circle '((5,5),1)'))",
  ])("does not come to run %s, alone or in a batch", async (sql) => {
    const gateway = await start();
    const tenant = await gateway.createTenant();
    expect((await tenant.query(sql)).body).toMatchObject({ code: "PARSE_ERROR", reason: "TOO_COMPLEX" });
    const batch = await post(gateway.url, tenant.token, { statements: [{ sql: "select 1" }, { sql }] });
    expect(batch.body).toMatchObject({ code: "PARSE_ERROR", reason: "TOO_COMPLEX", statement: 1 });
  });
});

describe.each([18, 15] as ClusterVersion[])("a locked-down database of PostgreSQL %i", (version) => {
  describe.skipIf(!hasCluster(version))("(where it is installed)", () => {
    it("refuses to compare each side of a polygon or path with each of another, with the judge on and off", async () => {
      const gateway = await startTestGateway({ version });
      onTestFinished(() => gateway.close());
      const tenant = await gateway.createTenant();
      await tenant.rows("create table shape (polygon polygon, path path)");
      await tenant.rows("insert into shape values ('((0,0),(1,0),(1,1))', '((0,0),(1,0),(1,1))')");
      const [{ schema_name: schema }] = (await gateway.database.query(
        "select schema_name from postgate_databases where id = $1",
        [tenant.id],
      )) as [{ schema_name: string }];
      const [{ role }] = (await gateway.database.query(
        "select rolname as role from pg_roles where rolname ~ $1 and rolname !~ '_rw$'",
        [tenant.id.replaceAll("-", "")],
      )) as [{ role: string }];
      const unjudged = await connect(gateway.database.connection);
      onTestFinished(() => unjudged.end());
      await unjudged.query(`set search_path = "${schema}"; set role ${role}`);
      for (const comparison of [
        "a.polygon && b.polygon",
        "a.polygon <-> b.polygon",
        "a.path <-> b.path",
        "a.path ?# b.path",
      ]) {
        const sql = `select ${comparison} from shape as a, shape as b`;
        expect((await tenant.query(sql)).body, sql).toMatchObject({ code: "DATABASE_ERROR", sqlstate: "42501" });
        await expect(unjudged.query(sql), sql).rejects.toMatchObject({ code: "42501" });
      }
    });

    it("lets honest neighbours of these pass", async () => {
      const gateway = await startTestGateway({ version });
      onTestFinished(() => gateway.close());
      const tenant = await gateway.createTenant();
      await tenant.rows("create table shape (polygon polygon, exclude using gist (polygon with &&))");
      await tenant.rows("insert into shape values ('((0,0),(1,0),(1,1))'), ('((5,5),(6,5),(6,6))')");
      for (const sql of [
        "select polygon @> point '(0.9,0.1)', polygon <-> point '(3,3)', polygon @> polygon, polygon ~= polygon from shape",
        "select box '((0,0),(1,1))' && box '((0,0),(2,2))', circle '((0,0),1)' <-> circle '((5,5),1)'",
        "select array[1,2] && array[2,3], array['a'] <@ array['a','b'], '{\"a\": 1}'::jsonb @> '{}'::jsonb",
        "select translate('äöü', 'äöü', 'aou'), trim(both ' ' from ' a '), position('b' in 'abc'), normalize('e\u0301')",
        "select 'fat cat'::tsvector @@ 'fat & cat'::tsquery, to_date('2026-12-01', 'YYYY-MM-DD')",
      ])
        expect((await tenant.query(sql)).status, sql).toBe(200);
    });
  });
});
