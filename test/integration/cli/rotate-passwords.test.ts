// Changes the passwords of the logins under a running gateway, on a server that requires passwords.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createGateway } from "../../../src/gateway.ts";
import { migrate } from "../../../src/migration/migrate.ts";
import { connect } from "../../../src/postgres/connect.ts";
import { parseConnectionUrl } from "../../../src/postgres/connection-settings.ts";
import { runCli, useBuiltCli } from "../../support/cli.ts";
import type { TestDatabase } from "../../support/cluster.ts";
import { post, testConfig } from "../../support/gateway.ts";
import { queryAs } from "../migration/support.ts";
import { startTlsServer, type TlsServer } from "../postgres/tls-server.ts";

useBuiltCli();

const cwd = mkdtempSync(join(tmpdir(), "rotate-"));
let server: TlsServer;
beforeAll(async () => {
  server = await startTlsServer();
  await queryAs(server.socket, "create role operator superuser login password 'operators-own'");
});
afterAll(async () => {
  await server.close();
  rmSync(cwd, { recursive: true, force: true });
});

it("rotate-passwords changes both passwords, and a running gateway opens new connections with them", async () => {
  const url = `postgres://operator:operators-own@localhost:${server.port}/postgres?sslmode=require`;
  const operator = parseConnectionUrl(url);
  const gateway = createGateway(testConfig({ connection: operator } as TestDatabase), () => undefined);
  try {
    const { url: place } = await gateway.listen();
    const sql = "select token from create_tenant_database('t') as d, create_tenant_token(d.id)";
    const [{ token }] = await queryAs(operator, sql);
    const ask = () => post(place, String(token), { sql: "select 7 as n" });
    expect(await ask()).toMatchObject({ status: 200 });
    const { auth, exec } = await migrate(operator);
    const before = [auth, exec].map(({ user, password }) => ({ ...operator, user, password }));

    const { code, stdout, stderr } = await runCli(["rotate-passwords"], { cwd, env: { DATABASE_URL: url } });

    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^Changed the password of postgate_auth_\d+\nChanged the password of postgate_exec_\d+\n$/);
    for (const old of before) await expect(connect(old)).rejects.toMatchObject({ sqlstate: "28P01" });
    expect(await ask()).toMatchObject({ status: 200 }); // This request uses the connections from before the change.
    await queryAs(operator, "select pg_terminate_backend(pid) from pg_stat_activity where usename ~ '^postgate_'");
    await expect.poll(async () => (await ask()).status, { timeout: 10_000 }).toBe(200);
    expect(await ask()).toMatchObject({ status: 200, body: { rows: [{ n: 7 }] } });
  } finally {
    await gateway.close();
  }
});
