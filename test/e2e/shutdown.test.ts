// Tests how `serve` ends, as a supervisor sees it.

import { describe, expect, it, onTestFinished } from "vitest";
import { makeFolder } from "../integration/embedded/data-dirs.ts";
import { type CliProcess, startCli, useBuiltCli } from "../support/cli.ts";
import { createTestDatabase, type TestDatabase } from "../support/cluster.ts";
import { type Answer, post } from "../support/gateway.ts";

/** This is far below the default deadline and the duration of the endless statement. */
const PROMPTLY_MS = 5_000;
const LONG = "select count(*) as count from generate_series(1, 4000000)";
const ENDLESS = "select count(*) as count from generate_series(1, 4000000000)";

useBuiltCli();

interface Serving {
  readonly server: CliProcess;
  readonly database: TestDatabase;
  readonly token: string;
  readonly url: string;
  query(sql: string): Promise<Answer>;
}

async function serve(env: Readonly<Record<string, string>> = {}): Promise<Serving> {
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  const { host, user, database: name } = database.connection;
  const server = startCli([], {
    cwd: await makeFolder(),
    env: {
      DATABASE_URL: `postgres://${user}@/${name}?host=${encodeURIComponent(host)}`,
      POSTGATE_PORT: "0",
      ...env,
    },
  });
  const [, url = ""] = await server.until("stderr", /"url":"(http:[^"]+)"/);
  const [row] = await database.query(
    "select t.token from create_tenant_database('shop') d, lateral create_tenant_token(d.id) t",
  );
  const token = String(row.token);
  return { server, database, token, url, query: (sql) => post(url, token, { sql }) };
}

async function untilRunning({ database }: Serving): Promise<void> {
  const sql = "select from pg_stat_activity where state = 'active' and query like 'select count%generate_series%'";
  while ((await database.query(sql)).length === 0) await new Promise(setImmediate);
}

describe("SIGTERM", () => {
  it("lets running requests finish, refuses new ones, flushes the log, and ends with exit code 0", async () => {
    const serving = await serve();
    const { server, database, token } = serving;
    const running = serving.query(LONG);
    await untilRunning(serving);
    server.child.kill("SIGTERM");
    expect((await running).body).toEqual({ rows: [{ count: 4_000_000 }], row_count: 1 });
    const { code, stderr } = await server.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/"msg":"stopping"/);
    expect(stderr).toMatch(/"rowCount":1.*"msg":"query finished"/); // The last line of the log is written too.
    const sql = "select last_used_at is not null as shown from postgate_tokens where token_prefix = $1";
    expect(await database.query(sql, [token.slice(0, 8)])).toEqual([{ shown: true }]);
  });

  it("interrupts requests that do not end in time, and leaves nothing running", async () => {
    const serving = await serve({ POSTGATE_SHUTDOWN_TIMEOUT_MS: "200" });
    const running = serving.query(ENDLESS).catch((error: unknown) => error);
    await untilRunning(serving);
    const since = performance.now();
    serving.server.child.kill("SIGTERM");
    expect((await serving.server.ended).code).toBe(0);
    expect(performance.now() - since).toBeLessThan(PROMPTLY_MS);
    expect(await running).toBeInstanceOf(Error);
    const sql = "select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    while ((await serving.database.query(sql)).length > 0) await new Promise(setImmediate);
  });

  it("ends the process at once when it comes a second time", async () => {
    const serving = await serve();
    const { child, ended } = serving.server;
    const running = serving.query(ENDLESS).catch((error: unknown) => error);
    await untilRunning(serving);
    const since = performance.now();
    child.kill("SIGTERM");
    // One Ctrl-C can arrive twice, so a second signal counts only after half a second.
    const insist = setInterval(() => child.kill("SIGTERM"), 100);
    onTestFinished(() => clearInterval(insist));
    expect((await ended).code).toBe(128 + 15);
    expect(performance.now() - since).toBeLessThan(PROMPTLY_MS);
    expect(await running).toBeInstanceOf(Error);
  });
});
