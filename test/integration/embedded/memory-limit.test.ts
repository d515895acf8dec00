// Sends statements that need more memory than the limit allows to the embedded PostgreSQL, over HTTP as tenants do.

import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { loadConfig } from "../../../src/config/load-config.ts";
import { openEmbedded } from "../../../src/embedded/start-embedded.ts";
import { createGateway, type Gateway } from "../../../src/gateway.ts";
import { type Answer, post } from "../../support/gateway.ts";
import { isLinux, query } from "./data-dirs.ts";

/** The limit is small, so that eight statements at their limit do not burden the machine that runs the tests. */
const MEMORY_MB = 128;
/** The statement has a small result, but holds all elements in memory at once. */
const HUGE = "SELECT cardinality(array_agg(repeat(repeat('x',10000),10000))) FROM generate_series(1,60)";
const OUT_OF_MEMORY = { code: "DATABASE_ERROR", sqlstate: "53200", error: "out of memory" };

let parent = "";
let dataDir = "";
let gateway: Gateway;
let url = "";

async function asOperator(sql: string): Promise<unknown[][]> {
  const embedded = await openEmbedded({ dataDir });
  try {
    return await query(embedded, sql);
  } finally {
    await embedded.stop();
  }
}

async function createTenant(name: string): Promise<(sql: string, params?: unknown[]) => Promise<Answer>> {
  const [[token] = []] = await asOperator(
    `select t.token from create_tenant_database('${name}') d,
            lateral create_tenant_token(d.id, 'all', '{SELECT,INSERT,UPDATE,DELETE,CREATE,ALTER,DROP}') t`,
  );
  return (sql, params = []) => post(url, String(token), { sql, params });
}

/** Opens a session of the superuser, which the test may kill. */
async function connectOperator(): Promise<pg.Client> {
  const embedded = await openEmbedded({ dataDir });
  const client = new pg.Client(embedded.connection);
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Reads the kernel's soft limits of the session's own process and of the checkpointer. */
async function limitsSeenBy(client: pg.Client): Promise<{ session: string; checkpointer: string; pid: number }> {
  const { rows } = await client.query<{ session: number; checkpointer: number }>(
    "select pg_backend_pid() as session, pid as checkpointer from pg_stat_activity where backend_type = 'checkpointer'",
  );
  const [{ session, checkpointer } = { session: 0, checkpointer: 0 }] = rows;
  return { session: await limitOf(session), checkpointer: await limitOf(checkpointer), pid: session };
}

async function limitOf(pid: number): Promise<string> {
  return /^Max data size +(\S+)/m.exec(await readFile(`/proc/${pid}/limits`, "utf8"))?.[1] ?? "";
}

describe.skipIf(!isLinux)("a statement that needs more memory than its limit", { timeout: 120_000 }, () => {
  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), "postgate-memory-"));
    await chmod(parent, 0o755);
    dataDir = join(parent, ".postgate");
    const environment = {
      POSTGATE_DATA_DIR: dataDir,
      POSTGATE_EMBEDDED_MEMORY_MB: String(MEMORY_MB),
      POSTGATE_PORT: "0",
      POSTGATE_LOG_LEVEL: "silent",
    };
    gateway = createGateway(loadConfig(environment));
    ({ url } = await gateway.listen());
  }, 60_000);
  afterAll(async () => {
    await gateway.close();
    await rm(parent, { recursive: true, force: true });
  });

  it("fails without disturbing the point queries of other tenants, even when eight run at once", async () => {
    const [hog, other] = [await createTenant("hog"), await createTenant("other")];
    await other("create table notes (id int primary key, body text)");
    await other("insert into notes select g, 'note ' || g from generate_series(1, 100) g");
    const startedAt = await asOperator("select pg_postmaster_start_time()::text");
    let isOver = false;
    const askOthers = async (): Promise<number> => {
      let count = 0;
      for (; !isOver; count++)
        expect((await other("select body from notes where id = $1", [(count % 100) + 1])).body).toMatchObject({
          row_count: 1,
        });
      return count;
    };

    const [answers, count] = await Promise.all([
      Promise.all(Array.from({ length: 8 }, () => hog(HUGE))).finally(() => (isOver = true)),
      askOthers(),
    ]);

    for (const answer of answers) expect([answer.status, answer.body]).toEqual([500, OUT_OF_MEMORY]);
    expect(count).toBeGreaterThan(0);
    expect(await asOperator("select pg_postmaster_start_time()::text")).toEqual(startedAt);
  });

  it.each([
    "select cardinality(array_agg(g::text)) from generate_series(1, 5000000) g", // This one takes small pieces up to the last byte.
    "select length(string_agg(repeat('x', 1000), '')) from generate_series(1, 200000)",
    "select length(jsonb_agg(g)::text) from generate_series(1, 5000000) g",
    "with recursive r (a) as (select array[1] union all select a || a from r) select max(cardinality(a)) from r",
    "create table huge as select string_agg(md5(g::text), '') from generate_series(1, 5000000) g",
    "select length(repeat('x', 100000000) || repeat('y', 100000000))", // The planner evaluates this one.
  ])("fails and leaves the server and the tenant working: %s", async (sql) => {
    const tenant = await createTenant("single");
    await tenant("create table kept as select 1 as id");

    expect((await tenant(sql)).body).toMatchObject({ sqlstate: "53200" });

    expect((await tenant("select id from kept")).body).toEqual({ rows: [{ id: 1 }], row_count: 1 });
  });

  it("leaves honest statements enough memory for sorts, hashes, indexes and values of 10 MB", async () => {
    const tenant = await createTenant("honest");
    for (const sql of [
      "create table items as select g as id, md5(g::text) as body from generate_series(1, 300000) g",
      "create index on items (body)",
      "select count(*) from (select body from items order by body desc offset 0) as sorted",
      "select count(*) from items a join items b using (body)",
      "select count(distinct body), sum(length(body)) from items",
      "select length(repeat('x', 10000000))",
    ])
      expect([sql, (await tenant(sql)).status]).toEqual([sql, 200]);
  });

  it("ends the session that reached its limit, together with the memory that the session keeps", async () => {
    const sessionsOfTenants = async (): Promise<unknown[]> =>
      (await asOperator("select pid from pg_stat_activity where usename like 'postgate_exec_%'")).flat();
    const tenant = await createTenant("once");
    await tenant("select 1 as one");
    const before = await sessionsOfTenants();

    expect((await tenant(HUGE)).body).toEqual(OUT_OF_MEMORY);

    await vi.waitFor(async () => expect(await sessionsOfTenants()).not.toEqual(expect.arrayContaining(before)));
    expect((await tenant("select 1 as one")).status).toBe(200);
  });

  it("writes no part of a statement into the server's log", async () => {
    const tenant = await createTenant("quiet");
    await tenant("select 'very-secret-word' as body"); // The statement stays prepared, so its text is in the session's memory.
    await Promise.all([1, 2, 3, 4].map(() => tenant(HUGE.replace("'x'", "'very-secret-word'"))));

    const log = await readFile(join(dataDir, "server.log"), "utf8");
    expect(log).not.toMatch(/very-secret-word|total in|TopMemoryContext/);
    expect(log).toContain("database system is ready to accept connections");
    expect(log).not.toMatch(/PANIC|FATAL|terminated by signal/);
  });

  it("is limited by its session, while the checkpointer has no limit, even after a process has crashed", async () => {
    const limits = { session: String(MEMORY_MB * 1024 * 1024), checkpointer: "unlimited" };
    const session = await connectOperator();
    const { pid, ...before } = await limitsSeenBy(session);
    expect(before).toEqual(limits);

    const ended = new Promise((resolve) => session.once("end", resolve));
    process.kill(pid, "SIGKILL"); // PostgreSQL then restarts all its processes.
    await ended;

    await vi.waitFor(
      async () => {
        const again = await connectOperator();
        try {
          expect(await limitsSeenBy(again)).toMatchObject(limits);
        } finally {
          await again.end();
        }
      },
      { timeout: 30_000, interval: 50 },
    );
  });
});
