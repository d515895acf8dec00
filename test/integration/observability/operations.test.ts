// The second port: whether the gateway is ready, and its numbers.

import { describe, expect, it, onTestFinished } from "vitest";
import { createGateway } from "../../../src/gateway.ts";
import type { Observation } from "../../../src/observability/observation.ts";
import { createTestDatabase } from "../../support/cluster.ts";
import { post, startTestGateway, testConfig, type TestGateway } from "../../support/gateway.ts";

function urlIn(observations: readonly Observation[]): string {
  const urls = observations.flatMap((observation) => (observation.kind === "listening" ? [observation.url] : []));
  return urls.find((url) => url.endsWith("/ready"))?.replace(/\/ready$/, "") ?? "";
}

async function start(): Promise<TestGateway & { readonly opsUrl: string }> {
  const gateway = await startTestGateway({ config: { opsPort: 0 } });
  onTestFinished(() => gateway.close());
  return { ...gateway, opsUrl: urlIn(gateway.observations) };
}

const read = async (url: string): Promise<string> => {
  const response = await fetch(url);
  return `${response.status} ${await response.text()}`;
};

describe("/ready", () => {
  it("is the case while tokens can be looked up, and not else", async () => {
    const { opsUrl, database } = await start();
    expect(await read(`${opsUrl}/ready`)).toBe('200 {"status":"ready"}');
    await database.query("alter table postgate_tokens rename to hidden");
    expect(await read(`${opsUrl}/ready`)).toBe('503 {"status":"not ready","reason":"the database cannot be reached"}');
    await database.query("alter table hidden rename to postgate_tokens");
    expect(await read(`${opsUrl}/ready`)).toBe('200 {"status":"ready"}');
  });

  it("is not the case while the gateway starts, and while it stops", async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.close());
    const observations: Observation[] = [];
    let heardFirst!: (url: string) => void;
    const first = new Promise<string>((resolve) => (heardFirst = resolve));
    const gateway = createGateway(testConfig(database, { opsPort: 0 }), (observation) => {
      observations.push(observation);
      if (observation.kind === "listening") heardFirst(observation.url);
    });
    const listening = gateway.listen();
    expect(await read(await first)).toBe('503 {"status":"not ready","reason":"starting"}');
    const { url } = await listening;
    await database.query(
      "insert into postgate_tokens (database_id, token_hash, token_prefix) values ($1, encode(sha256($2), 'hex'), 'pg_00000')",
      ["00000000-0000-0000-0000-000000000000", Buffer.from(`pg_${"0".repeat(64)}`)],
    );
    const running = post(url, `pg_${"0".repeat(64)}`, { sql: "select count(*) from generate_series(1, 8000000)" });
    while (!observations.some(({ kind }) => kind === "query-finished") && !(await hasRunning(urlIn(observations))))
      await Promise.resolve();
    const closing = gateway.close();
    expect(await read(`${urlIn(observations)}/ready`)).toBe('503 {"status":"not ready","reason":"stopping"}');
    expect((await running).status).toBe(200);
    await closing;
  });
});

async function hasRunning(opsUrl: string): Promise<boolean> {
  return (await read(`${opsUrl}/metrics`)).includes('postgate_pool_connections_in_use{pool="admin"} 1');
}

describe("/metrics", () => {
  it("counts outcomes, refusals, stages, pools and what is remembered", async () => {
    const gateway = await start();
    const tenant = await gateway.createTenant();
    await tenant.query("select 1");
    await tenant.query("select 1");
    await tenant.query("select pg_sleep(1)");
    await tenant.query("select 1/0");
    await post(gateway.url, `pg_${"0".repeat(64)}`, { sql: "select 1" });
    let text = "";
    const value = (series: string): string | undefined =>
      text
        .split("\n")
        .find((line) => line.startsWith(`${series} `))
        ?.slice(series.length + 1);
    const shown = [
      'postgate_requests_total{code="OK"}',
      'postgate_requests_total{code="PARSE_ERROR"}',
      'postgate_requests_total{code="DATABASE_ERROR"}',
      'postgate_requests_total{code="UNAUTHORIZED"}',
      'postgate_refusals_total{reason="FUNCTION_NOT_ALLOWED"}',
      'postgate_stage_duration_seconds_count{stage="request"}',
      'postgate_stage_duration_seconds_count{stage="authenticate"}',
      'postgate_stage_duration_seconds_count{stage="judge"}',
      'postgate_stage_duration_seconds_count{stage="execute"}',
      'postgate_pool_connections_in_use{pool="shared"}',
      'postgate_pool_waiting{pool="shared"}',
      'postgate_pool_connections{pool="control"}',
      'postgate_pool_connections_in_use{pool="control"}',
      'postgate_pool_waiting{pool="control"}',
      'postgate_cache_entries{cache="principals"}',
      'postgate_cache_entries{cache="verdicts"}',
      'postgate_cache_hits_total{cache="verdicts"}',
      'postgate_cache_misses_total{cache="verdicts"}',
    ];
    const readShown = async (): Promise<Record<string, string | undefined>> => {
      text = await read(`${gateway.opsUrl}/metrics`);
      return Object.fromEntries(shown.map((series) => [series.replace(/^postgate_/, ""), value(series)]));
    };
    // The question whose rights have changed may still be under way.
    await expect.poll(readShown).toEqual({
      'requests_total{code="OK"}': "2",
      'requests_total{code="PARSE_ERROR"}': "1",
      'requests_total{code="DATABASE_ERROR"}': "1",
      'requests_total{code="UNAUTHORIZED"}': "1",
      'refusals_total{reason="FUNCTION_NOT_ALLOWED"}': "1",
      'stage_duration_seconds_count{stage="request"}': "5",
      'stage_duration_seconds_count{stage="authenticate"}': "5",
      'stage_duration_seconds_count{stage="judge"}': "4",
      'stage_duration_seconds_count{stage="execute"}': "3",
      'pool_connections_in_use{pool="shared"}': "0",
      'pool_waiting{pool="shared"}': "0",
      'pool_connections{pool="control"}': "2",
      'pool_connections_in_use{pool="control"}': "0",
      'pool_waiting{pool="control"}': "0",
      'cache_entries{cache="principals"}': "1",
      'cache_entries{cache="verdicts"}': "3",
      'cache_hits_total{cache="verdicts"}': "1",
      'cache_misses_total{cache="verdicts"}': "3",
    });
    const [hits, misses] = ["hits", "misses"].map((key) => value(`postgate_cache_${key}_total{cache="principals"}`));
    expect(Number(hits) + Number(misses)).toBe(5);
    expect(misses).toBe(value('postgate_stage_duration_seconds_count{stage="look-up"}'));
    expect(gateway.observations.filter(({ kind }) => kind === "query-failed")).toMatchObject([
      { code: "PARSE_ERROR" },
      { code: "DATABASE_ERROR", operation: "SELECT" },
      { code: "UNAUTHORIZED" },
    ]);
    expect(text).toContain("nodejs_eventloop_lag_p99_seconds");
    expect(text).not.toContain(tenant.id);
    expect(text).not.toContain(tenant.token.slice(0, 8));
  });

  it("shows that a token which is used and has not changed is not looked up again", async () => {
    const gateway = await start();
    const tenant = await gateway.createTenant();
    const countLookUps = async (): Promise<number> => {
      const text = await read(`${gateway.opsUrl}/metrics`);
      return Number(/postgate_cache_misses_total\{cache="principals"\} (\d+)/.exec(text)?.[1]);
    };
    const countWhileUsed = async (): Promise<number> => {
      const before = await countLookUps();
      const until = performance.now() + 1_200;
      while (performance.now() < until) expect((await tenant.query("select 1")).status).toBe(200);
      return (await countLookUps()) - before;
    };
    await expect.poll(countWhileUsed, { timeout: 20_000 }).toBe(0);
  });

  it("has no other page, and takes no other method", async () => {
    const { opsUrl } = await start();
    expect((await fetch(`${opsUrl}/query`, { method: "POST" })).status).toBe(404);
    expect((await fetch(`${opsUrl}/metrics`, { method: "POST" })).status).toBe(405);
  });
});
