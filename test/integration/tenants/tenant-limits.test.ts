// Tests over HTTP the limits that a tenant's row sets for this tenant.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, post, startTestGateway, type TestGateway, type TestTenant } from "../../support/gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

/** Creates a tenant whose row has these limits before its first request. */
async function createLimited(limits: Readonly<Record<string, number>>): Promise<TestTenant> {
  const tenant = await gateway.createTenant();
  const assignments = Object.keys(limits).map((column, index) => `${column} = $${index + 2}`);
  const changed = await gateway.admin.query(
    `update postgate_databases set ${assignments.join(", ")} where id = $1::uuid`,
    [tenant.id, ...Object.values(limits)],
  );
  expect(changed.body).toMatchObject({ row_count: 1 });
  return tenant;
}

const SLOW = "select count(*) from generate_series(1, 4000000)";

function codes(answers: readonly Answer[]): string[] {
  return answers.map(({ status, body, headers }) =>
    [status, (body as { code?: string }).code, headers.get("retry-after")].filter(Boolean).join(" "),
  );
}

describe("a tenant's own limits", () => {
  it.each([1, 24, 25, 26, 27, 60, 1_000])(
    "refuse a write without rows, and roll it back, only when its answer exceeds %i bytes",
    async (bytes) => {
      const tenant = await gateway.createTenant();
      await tenant.rows("create table led (n int)");
      await gateway.admin.rows("update postgate_databases set max_result_bytes = $2 where id = $1::uuid", [
        tenant.id,
        bytes,
      ]);
      const fresh = await gateway.tenantOf(tenant.id);

      const { status, body, text } = await fresh.query("insert into led values (1)");

      if (status === 200) expect(text.length).toBeLessThanOrEqual(bytes);
      else expect(body).toMatchObject({ code: "RESULT_TOO_LARGE" });
      await gateway.admin.rows("update postgate_databases set max_result_bytes = null where id = $1::uuid", [
        tenant.id,
      ]);
      const count = await (await gateway.tenantOf(tenant.id)).rows("select count(*)::int as n from led");
      expect(count).toEqual([{ n: status === 200 ? 1 : 0 }]);
    },
  );

  it("end the tenant's statements sooner than the gateway's limit, and no other tenant's", async () => {
    const tenant = await createLimited({ statement_timeout_ms: 50 });
    expect((await tenant.query(SLOW)).body).toMatchObject({ code: "TIMEOUT" });
    expect((await (await gateway.createTenant()).query("select pg_typeof(1)")).status).toBe(200);
  });

  it("refuse an answer that is too large, and roll its change back", async () => {
    const tenant = await createLimited({ max_result_bytes: 100 });
    await tenant.rows("create table notes (body text)");
    const answer = await tenant.query("insert into notes values (repeat('x', 200)) returning body");
    expect(answer.body).toMatchObject({ code: "RESULT_TOO_LARGE", max_bytes: 100 });
    expect(await tenant.rows("select count(*)::int as count from notes")).toEqual([{ count: 0 }]);
  });

  it("do not raise the limits of the gateway", async () => {
    const tenant = await createLimited({ max_result_bytes: 2_000_000_000, statement_timeout_ms: 2_000_000_000 });
    expect((await tenant.query("select repeat('x', 40 * 1024 * 1024)")).body).toMatchObject({
      code: "RESULT_TOO_LARGE",
      max_bytes: 32 * 1024 * 1024,
    });
  });

  it("refuse queries beyond max_concurrent_queries with 429 and Retry-After", async () => {
    const tenant = await createLimited({ max_concurrent_queries: 1 });
    const answers = codes(await Promise.all([tenant.query(SLOW), tenant.query(SLOW), tenant.query(SLOW)]));
    expect(answers.sort()).toEqual(["200", "429 TOO_MANY_REQUESTS 1", "429 TOO_MANY_REQUESTS 1"]);
    expect((await tenant.query("select 1")).status).toBe(200);
  });

  it("refuse queries beyond requests_per_second with 429, and say when to retry", async () => {
    const tenant = await createLimited({ requests_per_second: 0.05, request_burst: 2 });
    const answers = [await tenant.query("select 1"), await tenant.query("select 1"), await tenant.query("select 1")];
    expect(codes(answers)).toEqual(["200", "200", "429 TOO_MANY_REQUESTS 20"]);
  });

  it("count each statement of a batch, and refuse a batch that is larger than the burst", async () => {
    const tenant = await createLimited({ requests_per_second: 0.05, request_burst: 3 });
    const batch = (count: number) =>
      post(gateway.url, tenant.token, { statements: Array(count).fill({ sql: "select 1" }) });
    const large = await batch(4);
    expect(large).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
    expect(large.body.error).toContain("3 together");
    // Each request costs one even if it is refused: the large batch has taken one of the three, and the next takes another.
    expect(codes([await batch(3), await batch(1), await batch(1)])).toEqual([
      "429 TOO_MANY_REQUESTS 40",
      "200",
      "429 TOO_MANY_REQUESTS 20",
    ]);
  });

  it.each([
    "statement_timeout_ms",
    "max_result_bytes",
    "max_concurrent_queries",
    "requests_per_second",
    "request_burst",
  ])("must be above zero in the column %s", async (column) => {
    const answer = await gateway.admin.query(`update postgate_databases set ${column} = 0`);
    expect(answer.body).toMatchObject({ code: "DATABASE_ERROR", sqlstate: "23514" });
  });
});
