// Leaves no connection of PostgreSQL for tenants' statements.

import type { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { useBuiltCli } from "../support/cli.ts";
import { post, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { createToken, type OwnServer, serveOn, startOwnServer } from "./own-server.ts";

useBuiltCli();

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

it("the gateway answers 503 with Retry-After while no connection is left, and serves as soon as there is one", async () => {
  const tenant = await gateway.createTenant();
  const [row] = await gateway.database.query(
    "select 'postgate_exec_' || oid as login from pg_database where datname = current_database()",
  );
  const limit = (count: number) => gateway.database.query(`alter role ${String(row.login)} connection limit ${count}`);
  await limit(0);
  // The pool keeps spare connections open, so these must be ended too.
  await gateway.database.query("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = $1", [
    row.login,
  ]);
  const refused = await tenant.query("select 1");
  expect(refused).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(refused.text).not.toContain("postgate_exec");
  await limit(-1);
  expect((await tenant.query("select 1")).status).toBe(200);
  await limit(1); // One connection is enough for many requests.
  const answers = await Promise.all(Array.from({ length: 20 }, () => tenant.query("select 1")));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  await limit(-1);
});

it(
  "the gateway answers 503 while the server is full even for look-ups, and serves as soon as there is room",
  { timeout: 60_000 },
  async () => {
    const server = await startOwnServer();
    const { url } = await serveOn(server.url);
    const token = await createToken(server.query);
    expect((await post(url, token, { sql: "select 1" })).status).toBe(200);
    const others = await takeEveryConnection(server);
    for (let round = 0; round < 3; round++) {
      const refused = await post(url, token, { sql: "select 1" });
      expect(refused).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
      expect(refused.headers.get("retry-after")).toBe("1");
    }
    await Promise.all(others.map((client) => client.end()));
    const since = performance.now();
    while ((await post(url, token, { sql: "select 1" })).status !== 200)
      expect(performance.now() - since).toBeLessThan(10_000);
    console.info(`served again ${Math.round(performance.now() - since)} ms after there was room`);
  },
);

/** Takes every connection of the server, including the gateway's. */
async function takeEveryConnection(server: OwnServer): Promise<Client[]> {
  const clients = [await server.connect()];
  const end = "select pg_terminate_backend(pid) from pg_stat_activity where usename ~ '^postgate_'";
  for (;;) {
    await clients[0]?.query(end);
    try {
      clients.push(await server.connect());
    } catch {
      const { rows } = (await clients[0]?.query(end)) ?? { rows: [] };
      if (rows.length === 0) return clients;
    }
  }
}
