// PostgreSQL has no connection left for tenants' statements.

import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

it("answers 503 with Retry-After while there is none, and serves as soon as there is one", async () => {
  const tenant = await gateway.createTenant();
  const [row] = await gateway.database.query(
    "select 'postgate_exec_' || oid as login from pg_database where datname = current_database()",
  );
  const limit = (count: number) => gateway.database.query(`alter role ${String(row.login)} connection limit ${count}`);
  await limit(0);
  const refused = await tenant.query("select 1");
  expect(refused).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(refused.text).not.toContain("postgate_exec");
  await limit(-1);
  expect((await tenant.query("select 1")).status).toBe(200);
  await limit(1); // One is enough for many.
  const answers = await Promise.all(Array.from({ length: 20 }, () => tenant.query("select 1")));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  await limit(-1);
});
