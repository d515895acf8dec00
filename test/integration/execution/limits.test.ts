import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ClientGone } from "../../../src/execution/execute-request.ts";
import { hasCluster } from "../../support/cluster.ts";
import { type Harness, type RunOptions, startHarness } from "./harness.ts";
import { startProxy } from "./proxy.ts";

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));

/** Five times the contract's quarter of a second within which PostgreSQL stops. */
const STOPPED_WITHIN_MS = 1_250;

describe.each(VERSIONS)("the limits of a statement on PostgreSQL %i", (version) => {
  let harness: Harness;
  let run: Harness["run"];
  beforeAll(async () => {
    harness = await startHarness(version);
    run = harness.run;
    await run("create table notes (id int, body text)");
    await run("create sequence counter");
    // A SELECT that writes: the judge says so of it by the fact `writes`.
    await harness.database.query(`create function alice.note(id int) returns int language sql as
      'insert into alice.notes (id) values (note.id) returning id'`);
  });
  afterEach(() => run("truncate notes"));
  afterAll(() => harness.close());

  const noteCount = async (): Promise<string | null | undefined> =>
    (await run("select count(*) from notes")).rows[0]?.[0];

  describe("on rows", () => {
    it.each<[string, string, RunOptions]>([
      ["a SELECT", "select generate_series(1, 4)", {}],
      ["INSERT RETURNING", "insert into notes select generate_series(1, 4) returning id", {}],
      [
        "a data-modifying CTE",
        "with new as (insert into notes select generate_series(1, 4) returning id) select * from new",
        {},
      ],
      ["a SELECT of a writing function", "select note(i) from generate_series(1, 4) i", { facts: { writes: true } }],
    ])("refuse %s that returns one more, and leave nothing behind", async (_, sql, options) => {
      await expect(run(sql, [], { ...options, limits: { maxRows: 3 } })).rejects.toMatchObject({
        code: "ROW_LIMIT_EXCEEDED",
        message: "Row limit exceeded (max: 3)",
        details: { max_rows: 3 },
      });
      expect(await noteCount()).toBe("0");
      expect((await run(sql, [], { ...options, limits: { maxRows: 4 } })).rowCount).toBe(4);
    });

    it("do not count rows that are affected but not returned", async () => {
      const limits = { maxRows: 0 };
      expect((await run("insert into notes select generate_series(1, 9)", [], { limits })).rowCount).toBe(9);
      await expect(run("select 1", [], { limits })).rejects.toMatchObject({ code: "ROW_LIMIT_EXCEEDED" });
    });

    it.each([undefined, 2_147_483_647])("are none at %s", async (maxRows) => {
      expect((await run("select generate_series(1, 5000)", [], { limits: { maxRows } })).rowCount).toBe(5000);
    });
  });

  describe("on a SELECT whose view calls a writing function", () => {
    beforeAll(() => run("create view noting as select note(i) from generate_series(1, 4) i"));
    afterAll(() => run("drop view noting"));

    it("are decided before anything is changed", async () => {
      for (const limits of [{ maxRows: 3 }, { maxBytes: 10 }])
        await expect(run("select * from noting", [], { limits })).rejects.toMatchObject({
          code: expect.stringMatching(/ROW_LIMIT|TOO_LARGE/) as string,
        });
      expect(await noteCount()).toBe("0");
      expect((await run("select * from noting", [], { limits: { maxRows: 4 } })).rowCount).toBe(4);
      expect(await noteCount()).toBe("4");
    });

    it("leave a session that may only read with PostgreSQL's error", async () => {
      const session = { ...harness.alice, key: "alice reads", readOnly: true };
      await expect(run("select * from noting", [], { session })).rejects.toMatchObject({
        code: "DATABASE_ERROR",
        details: { sqlstate: "25006" },
      });
      expect(await noteCount()).toBe("0");
    });
  });

  describe("on bytes", () => {
    it.each<[string, string, RunOptions]>([
      ["many rows", "select repeat('x', 1000) from generate_series(1, 900)", {}],
      ["little more than allowed", "select repeat('x', 100000)", {}],
      ["little more by RETURNING", "insert into notes values (1) returning repeat('x', 100000)", {}],
      ["one huge field", "select repeat('x', 50000000)", {}],
      [
        "wide RETURNING",
        "insert into notes select i, repeat('x', 1000) from generate_series(1, 900) i returning *",
        {},
      ],
    ])("refuse %s, and leave nothing behind", async (_, sql) => {
      await expect(run(sql, [], { limits: { maxBytes: 100_000 } })).rejects.toMatchObject({
        code: "RESULT_TOO_LARGE",
        details: { max_bytes: 100_000 },
      });
      await expect.poll(noteCount).toBe("0");
    });

    const wideNulls = Array.from({ length: 1_500 }, (_, n) => `null as "${String(n).padStart(63, "_")}"`).join();
    it.each([
      ["long names over NULLs", wideNulls],
      ["control characters", "repeat(chr(1), 2000)"],
      ["control characters in an array", "array[repeat(chr(1), 2000)]"],
    ])("count %s as the answer writes them", async (_, columns) => {
      const limits = { maxBytes: 10_000_000 }; // PostgreSQL sends less.
      const rows = "from generate_series(1, 1000) i";
      const insert = `insert into notes select i ${rows} returning ${columns}`;
      for (const sql of [`select ${columns} ${rows}`, insert])
        await expect(run(sql, [], { limits })).rejects.toMatchObject({ code: "RESULT_TOO_LARGE" });
      expect(await noteCount()).toBe("0");
      expect((await run(`${insert}, id`, [], { limits: { maxBytes: 200_000_000 } })).rowCount).toBe(1_000);
    });

    it("count a name that occurs twice once", async () => {
      const sql = "select repeat('x', 60000) as a, repeat('y', 60000) as a";
      expect((await run(sql, [], { limits: { maxBytes: 100_000 } })).rowCount).toBe(1);
    });
  });

  describe("on time", () => {
    it("end a statement as TIMEOUT, rolled back, on a connection that stays", async () => {
      const sql = "with new as (insert into notes values (1)) select pg_sleep(60)";
      const limits = { timeoutMs: 100 };
      const since = performance.now();
      await expect(run(sql, [], { limits })).rejects.toMatchObject({ code: "TIMEOUT", message: "Query timeout" });
      const tookMs = performance.now() - since;
      console.info(`a limit of 100 ms ended the statement after ${Math.round(tookMs)} ms`);
      expect(tookMs).toBeLessThan(limits.timeoutMs + STOPPED_WITHIN_MS);
      expect(await noteCount()).toBe("0");
      expect((await run("select 1")).rows).toEqual([["1"]]);
    });

    it("cut off what PostgreSQL itself does not stop", async () => {
      await harness.database.query(`create or replace function alice.stubborn() returns void language plpgsql
        set statement_timeout = 0 as $$ begin
          loop begin perform pg_sleep(60); exception when query_canceled then null; end; end loop;
        end $$`);
      await expect(run("select stubborn()", [], { limits: { timeoutMs: 50 } })).rejects.toMatchObject({
        code: "TIMEOUT",
      });
      await harness.database.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '%stubborn%' and pid <> pg_backend_pid()",
      );
      expect((await run("select 1")).rows).toEqual([["1"]]);
    });

    it("tell a cancel by somebody else from a timeout", async () => {
      const running = run("select pg_sleep(60)");
      await Promise.all([
        expect(running).rejects.toMatchObject({ code: "DATABASE_ERROR", details: { sqlstate: "57014" } }),
        signalBackend("cancel"),
      ]);
    });
  });

  describe("when the client goes", () => {
    it("the statement is cancelled in PostgreSQL and rolled back", async () => {
      const controller = new AbortController();
      const running = run("with new as (insert into notes values (1)) select pg_sleep(60)", [], {
        signal: controller.signal,
      });
      const gone = expect(running).rejects.toBeInstanceOf(ClientGone);
      await untilSleeping();
      const since = performance.now();
      controller.abort();
      while ((await sleeping()).length > 0 && performance.now() - since < 5_000);
      const tookMs = performance.now() - since;
      console.info(`PostgreSQL stopped ${Math.round(tookMs)} ms after the client had gone`);
      expect(tookMs).toBeLessThan(STOPPED_WITHIN_MS);
      await gone;
      expect(await noteCount()).toBe("0");
      expect(performance.now() - since).toBeLessThan(5 * STOPPED_WITHIN_MS); // Its place in the pool is free.
    });

    it("a statement that has not begun is not run", async () => {
      await expect(run("insert into notes values (1)", [], { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(
        ClientGone,
      );
      const controller = new AbortController();
      const blocker = run("select pg_sleep(0.2)");
      const waiting = run("insert into notes values (1)", [], { signal: controller.signal });
      const gone = expect(waiting).rejects.toBeInstanceOf(ClientGone);
      controller.abort();
      await Promise.all([blocker, gone]);
      expect(await noteCount()).toBe("0");
    });
  });

  describe("when the connection goes", () => {
    it.each(["select pg_sleep(60)", "with new as (insert into notes values (1)) select pg_sleep(60)"])(
      "the outcome of %s is unknown",
      async (sql) => {
        const lost = expect(run(sql)).rejects.toMatchObject({ code: "DATABASE_ERROR", details: { sqlstate: "08007" } });
        await signalBackend("terminate");
        await lost;
        expect((await run("select 1")).rows).toEqual([["1"]]);
      },
    );

    it("while it is idle, nobody notices", async () => {
      for (let round = 0; round < 20; round += 1) {
        await run("select 1");
        await harness.database.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", [
          harness.login.user,
        ]);
        expect((await run("select 1")).rows).toEqual([["1"]]);
      }
    });
  });

  async function sleeping(): Promise<unknown[]> {
    return harness.database.query("select pid from pg_stat_activity where usename = $1 and wait_event = 'PgSleep'", [
      harness.login.user,
    ]);
  }

  async function untilSleeping(): Promise<void> {
    await expect.poll(() => sleeping(), { timeout: 5_000 }).toHaveLength(1);
  }

  async function signalBackend(how: "cancel" | "terminate"): Promise<void> {
    await untilSleeping();
    await harness.database.query(`select pg_${how}_backend(pid) from pg_stat_activity where usename = $1`, [
      harness.login.user,
    ]);
  }
});

describe.each(VERSIONS)("when the answer of PostgreSQL %i does not come", (version) => {
  it("says TIMEOUT only of what cannot have been committed", async () => {
    let passes = true;
    let closeProxy: (() => Promise<void>) | undefined;
    const { run, database, close } = await startHarness(version, {
      maxConnections: 3,
      maxPerTenant: 3,
      through: async (login) => {
        const proxy = await startProxy(login, { passesAnswer: () => passes });
        closeProxy = () => proxy.close();
        return proxy.connection;
      },
    });
    await run("create table notes (id int)");
    await Promise.all([run("select pg_sleep(0.1)"), run("select pg_sleep(0.1)")]); // Two connections are open now.
    passes = false;
    const limits = { timeoutMs: 100 };
    await Promise.all([
      expect(run("insert into notes values (1)", [], { limits })).rejects.toMatchObject({
        code: "DATABASE_ERROR",
        details: { sqlstate: "08007" },
      }),
      // Its commit was held back.
      expect(run("insert into notes values (2) returning id", [], { limits })).rejects.toMatchObject({
        code: "TIMEOUT",
      }),
    ]);
    expect(await database.query("select id from alice.notes")).toEqual([{ id: 1 }]);
    passes = true;
    expect((await run("select id from notes")).rows).toEqual([["1"]]);
    await close();
    await closeProxy?.();
  });
});

describe.each(VERSIONS)("a serialization failure on PostgreSQL %i", (version) => {
  it("at the commit is told, and nothing of its transaction stays", async () => {
    const harness = await startHarness(version, { maxConnections: 4, maxPerTenant: 4 });
    await harness.run("create table shifts (doctor text, isoncall boolean)");
    await harness.run("insert into shifts values ('a', true), ('b', true)");
    // Both see two on call, and each takes another one off: only at the commit is it known that one of them must not.
    const takeOff = (doctor: string): Promise<unknown> =>
      harness.runBatch(
        [
          ["select count(*) from shifts where isoncall"],
          ["select pg_sleep(0.5)"],
          ["update shifts set isoncall = false where doctor = $1", [doctor]],
        ],
        { transaction: { isolation: "serializable" } },
      );
    const failures = (await Promise.allSettled([takeOff("a"), takeOff("b")])).flatMap((outcome) =>
      outcome.status === "rejected" ? [outcome.reason as unknown] : [],
    );
    expect(failures).toMatchObject([{ code: "DATABASE_ERROR", details: { sqlstate: "40001" } }]);
    expect((await harness.run("select count(*) from shifts where isoncall")).rows).toEqual([["1"]]);
    await harness.close();
  });

  it("is told with its SQLSTATE", async () => {
    const harness = await startHarness(version, { maxConnections: 4, maxPerTenant: 4 });
    await harness.run("create table counters (n int)");
    await harness.run("insert into counters values (0)");
    await harness.database.query(
      `alter role ${harness.login.user} set default_transaction_isolation = 'repeatable read'`,
    );
    const outcomes = await Promise.allSettled(
      [1, 2].map(() => harness.run("update counters set n = n + 1 where pg_sleep(0.2) is not null")),
    );
    const failures = outcomes.filter(({ status }) => status === "rejected");
    expect(failures).toMatchObject([{ reason: { code: "DATABASE_ERROR", details: { sqlstate: "40001" } } }]);
    await harness.close();
  });
});

describe.each(VERSIONS)("a connection to PostgreSQL %i that dies among others", (version) => {
  it("takes the request that ran on it with it, and no other", async () => {
    const harness = await startHarness(version, { maxConnections: 4, maxPerTenant: 4 });
    const backends = (): Promise<{ pid: number }[]> =>
      harness.database.query("select pid from pg_stat_activity where usename = $1 and wait_event = 'PgSleep'", [
        harness.login.user,
      ]);
    const running = Promise.allSettled(Array.from({ length: 8 }, () => harness.run("select pg_sleep(1)")));
    await expect.poll(() => backends(), { timeout: 5_000 }).toHaveLength(4);
    const before = await backends();
    await harness.database.query("select pg_terminate_backend($1)", [before[0]?.pid]);
    const failures = (await running).flatMap((outcome) =>
      outcome.status === "rejected" ? [outcome.reason as unknown] : [],
    );
    expect(failures).toMatchObject([{ code: "DATABASE_ERROR", details: { sqlstate: "08007" } }]);
    const again = Promise.all(Array.from({ length: 4 }, () => harness.run("select pg_sleep(0.5)")));
    await expect.poll(() => backends(), { timeout: 5_000 }).toHaveLength(4);
    const pids = new Set((await backends()).map(({ pid }) => pid));
    expect(before.slice(1).every(({ pid }) => pids.has(pid))).toBe(true);
    await again;
    await harness.close();
  });
});
