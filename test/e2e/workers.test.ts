// Tests POSTGATE_WORKERS: several processes serve one port and share one bounded number of connections.

import { spawnSync } from "node:child_process";
import { expect, it, onTestFinished } from "vitest";
import { makeFolder } from "../integration/embedded/data-dirs.ts";
import { runCli, startCli, useBuiltCli } from "../support/cli.ts";
import { createTestDatabase } from "../support/cluster.ts";
import { post } from "../support/gateway.ts";

useBuiltCli();

function childrenOf(pid: number): readonly number[] {
  const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
  return stdout.split("\n").map(Number).filter(Boolean);
}

function workersOf(pid: number): readonly number[] {
  return childrenOf(pid).filter((child) => {
    const { stdout } = spawnSync("ps", ["-o", "args=", "-p", String(child)], { encoding: "utf8" });
    return stdout.includes("main.js");
  });
}

it("workers share the port and the connections, and a worker that ends is replaced", { timeout: 90_000 }, async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  const { host, user, database: name } = database.connection;
  const server = startCli([], {
    cwd: await makeFolder(),
    env: {
      DATABASE_URL: `postgres://${user}@/${name}?host=${encodeURIComponent(host)}`,
      POSTGATE_PORT: "0",
      POSTGATE_WORKERS: "2",
      POSTGATE_POOL_SIZE: "8",
    },
  });
  const listening = /"url":"(http:[^"]+)","msg":"listening"/g;
  const [, url = ""] = await server.until("stderr", new RegExp(listening.source));
  await server.until("stderr", new RegExp(`${listening.source}[^]*${listening.source}`));
  const [row] = await database.query(
    "select t.token from create_tenant_database('shop') d, lateral create_tenant_token(d.id) t",
  );
  // Each request has its own connection, so that both workers get some.
  const ask = async (): Promise<number> =>
    (
      await post(
        url,
        String(row.token),
        { sql: "select count(*) from generate_series(1, 100000)" },
        { connection: "close" },
      )
    ).status;
  const burst = () => Promise.all(Array.from({ length: 60 }, ask));
  expect(new Set(await burst())).toEqual(new Set([200]));
  const sessions = await database.query(
    "select count(*)::int as count from pg_stat_activity where datname = current_database() and application_name ~ '^postgate'",
  );
  expect(sessions[0]?.count).toBeLessThanOrEqual(8);

  const [victim = 0] = workersOf(server.pid);
  expect(workersOf(server.pid)).toHaveLength(2);
  process.kill(victim, "SIGKILL");
  await server.until("stderr", /worker 0 has ended \(SIGKILL\) and is replaced/);
  expect(new Set(await burst())).toEqual(new Set([200])); // The other worker answers.
  await server.until("stderr", new RegExp(`${listening.source}[^]*is replaced[^]*${listening.source}`));
  expect(workersOf(server.pid)).toHaveLength(2);

  const workers = workersOf(server.pid);
  server.child.kill("SIGTERM");
  expect((await server.ended).code).toBe(0);
  for (const pid of workers) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});

it("workers end when the process that started them is killed", { timeout: 60_000 }, async () => {
  const server = startCli([], {
    cwd: await makeFolder(),
    env: { POSTGATE_PORT: "0", POSTGATE_WORKERS: "2", POSTGATE_POOL_SIZE: "8" },
  });
  await server.until("stdout", /gen-token/); // All workers use one embedded PostgreSQL.
  const workers = workersOf(server.pid);
  expect(workers).toHaveLength(2);
  server.child.kill("SIGKILL");
  const isGone = (pid: number): boolean => spawnSync("ps", ["-p", String(pid)]).status !== 0;
  while (!workers.every(isGone)) await new Promise(setImmediate);
});

it("workers that all fail to start end the program with their reason", async () => {
  const { code, stderr } = await runCli([], {
    cwd: await makeFolder(),
    env: { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none", POSTGATE_WORKERS: "2" },
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/error: cannot connect to database "none"/);
  expect(stderr).toMatch(/error: a worker could not start/);
});

it("workers without enough connections are refused at the start", async () => {
  const env = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none", POSTGATE_WORKERS: "6" };
  const { code, stderr } = await runCli([], { cwd: await makeFolder(), env });
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining("6 workers need at least 24 connections") as string,
  });
});
