// Runs two instances behind Debian's haproxy, and kills one of them with kill -9.

import { spawn, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { makeFolder } from "../integration/embedded/data-dirs.ts";
import { startCli, useBuiltCli } from "../support/cli.ts";
import { createTestDatabase } from "../support/cluster.ts";
import { freePort } from "../support/free-port.ts";
import { post } from "../support/gateway.ts";

const HAPROXY = "/usr/sbin/haproxy";
const hasHaproxy = spawnSync(HAPROXY, ["-v"]).status === 0;

useBuiltCli();

describe.skipIf(!hasHaproxy)("two instances behind haproxy (skipped where it is not installed)", () => {
  it("go on serving without a wrong answer when one of them is killed", { timeout: 90_000 }, async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.close());
    const { host, user, database: name } = database.connection;
    const start = async () => {
      const [port, opsPort] = [await freePort(), await freePort()];
      const server = startCli([], {
        cwd: await makeFolder(),
        env: {
          DATABASE_URL: `postgres://${user}@/${name}?host=${encodeURIComponent(host)}`,
          POSTGATE_PORT: String(port),
          POSTGATE_OPS_PORT: String(opsPort),
        },
      });
      await server.until("stderr", new RegExp(`:${port}","msg":"listening"`));
      return { server, port, opsPort };
    };
    const [one, two] = [await start(), await start()];
    const front = await freePort();
    const file = join(await makeFolder(), "haproxy.cfg");
    const backends = [one, two].map(
      ({ port, opsPort }, n) => `  server s${n} 127.0.0.1:${port} check port ${opsPort} inter 200 fall 1 rise 1`,
    );
    await writeFile(
      file,
      `defaults\n  mode http\n  timeout connect 2s\n  timeout client 60s\n  timeout server 60s\n  option redispatch\n  retries 2\n` +
        `frontend f\n  bind 127.0.0.1:${front}\n  default_backend b\nbackend b\n  balance roundrobin\n  option httpchk GET /ready\n${backends.join("\n")}\n`,
    );
    const haproxy = spawn(HAPROXY, ["-db", "-f", file], { stdio: "ignore" });
    onTestFinished(() => void haproxy.kill("SIGKILL"));

    const [row] = await database.query(
      "select t.token from create_tenant_database('shop') d, lateral create_tenant_token(d.id, 'all', '{SELECT,INSERT,CREATE}') t",
    );
    const ask = (sql: string, params: unknown[] = []) =>
      post(`http://127.0.0.1:${front}`, String(row.token), { sql, params }).catch(() => undefined);
    while ((await ask("select 1"))?.status !== 200);
    expect((await ask("create table writes (id int primary key)"))?.status).toBe(200);

    const acknowledged: number[] = [];
    const failed: number[] = [];
    const write = async (id: number): Promise<void> => {
      const answer = await ask("insert into writes values ($1)", [id]);
      (answer?.status === 200 ? acknowledged : failed).push(id);
    };
    for (let id = 0; id < 100; id++) await write(id);
    one.server.child.kill("SIGKILL");
    for (let id = 100; id < 400; id++) await write(id);
    console.info(`${acknowledged.length} acknowledged, ${failed.length} failed around the kill`);
    const stored = await ask("select array_agg(id) as ids from writes");
    const ids = new Set((stored?.body.rows as { ids: number[] }[])[0]?.ids);
    expect(acknowledged.filter((id) => !ids.has(id))).toEqual([]);
    expect(failed.length).toBeLessThan(10); // Only the requests on the killed instance may fail.
    expect((await ask("select 1"))?.status).toBe(200);
  });
});
