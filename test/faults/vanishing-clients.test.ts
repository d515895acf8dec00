// Lets 500 clients vanish, in the middle of a request or while their statement runs.

import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

const CLIENTS = 500;

let gateway: TestGateway;
let tenant: TestTenant;
beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.createTenant();
});
afterAll(() => gateway.close());

async function vanish(bytesOfBody: number): Promise<void> {
  const { hostname, port } = new URL(gateway.url);
  const body = JSON.stringify({ sql: "select count(*) from generate_series(1, 4000000000)" });
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  const head = `POST /query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${tenant.token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  await new Promise((resolve) => socket.write(head + body.slice(0, bytesOfBody || body.length), resolve));
  socket.resetAndDestroy();
}

it.each([
  ["in mid-body", 10],
  ["while their statements run or wait", 0],
])("clients that vanish %s leave no running statement behind", { timeout: 60_000 }, async (_, bytesOfBody) => {
  await Promise.all(Array.from({ length: CLIENTS }, () => vanish(bytesOfBody)));
  const running =
    "select from pg_stat_activity where datname = current_database() and query ~ '4000000000' and state = 'active' and pid <> pg_backend_pid()";
  expect((await tenant.query("select 1")).status).toBe(200);
  while ((await gateway.database.query(running)).length > 0);
  expect((await tenant.query("select 1")).status).toBe(200);
});
