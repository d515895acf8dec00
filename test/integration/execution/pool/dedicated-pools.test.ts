import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { DedicatedPools, type DedicatedPoolsOptions } from "../../../../src/execution/pool/dedicated-pools.ts";
import type { ExecuteRequest } from "../../../../src/execution/execute-request.ts";
import { installHelpers } from "../../../../src/migration/install-helpers.ts";
import { DEFAULT_TRANSACTION } from "../../../../src/base/query-request.ts";
import { createTestDatabase, openToEverybody, type TestDatabase } from "../../../support/cluster.ts";
import { type TextResult, textOfResult } from "../../../support/data-row.ts";
import { startCountingProxy } from "../counting-proxy.ts";
import { approved } from "../harness.ts";

function request(sql: string): ExecuteRequest {
  return {
    statements: [{ statement: approved(sql), params: [] }],
    isBatch: false,
    transaction: DEFAULT_TRANSACTION,
    session: { tenant: "t", key: "t", role: undefined, searchPath: undefined, readOnly: false, hidesValues: false },
    limits: { timeoutMs: 10_000, maxRows: 10, maxBytes: 100_000 },
    accept: () => undefined,
    signal: new AbortController().signal,
    requireRights: () => undefined,
  };
}

describe("DedicatedPools", () => {
  let database: TestDatabase;
  let pools: DedicatedPools;
  beforeEach(async () => {
    database = await createTestDatabase();
    await openToEverybody(database);
  });
  afterEach(async () => {
    await pools.close(100);
    await database.close();
  });

  const start = (options: DedicatedPoolsOptions = {}): DedicatedPools => (pools = new DedicatedPools(options));
  const run = async (sql: string, connection = database.connection, id = "one"): Promise<TextResult> => {
    const [result] = await pools.execute({ id, connection }, request(sql));
    if (result === undefined) throw new Error("No result");
    return textOfResult(result);
  };
  const backendCount = async (): Promise<unknown> => {
    const backends = await database.query(
      "select pid from pg_stat_activity where datname = current_database() and application_name = 'postgate'",
    );
    return backends.length;
  };

  it("runs statements as the login, on its own search_path", async () => {
    start();
    await database.query("create schema mine; create table mine.notes (id int); insert into mine.notes values (1)");
    await database.query(`alter database ${database.connection.database} set search_path = mine`);
    expect((await run("select id, current_user from notes")).rows).toEqual([["1", "postgres"]]);
  });

  it("takes one round trip for a warm statement, and two for a write that returns rows", async () => {
    start({ maxConnectionsPerPool: 1 });
    const proxy = await startCountingProxy(database.connection);
    onTestFinished(() => proxy.close());
    await run("create table notes (id int)", proxy.connection);
    for (const [sql, count] of [
      ["select * from notes", 1],
      ["insert into notes values (1)", 1],
      ["insert into notes values (2) returning id", 2],
    ] as const)
      for (let round = 0; round < 2; round++) {
        proxy.takeRoundTrips();
        await run(sql, proxy.connection);
        expect(proxy.takeRoundTrips()).toBe(count);
      }
    await pools.close(100);
  });

  it("makes one pool for many first statements at once", async () => {
    start({ maxConnectionsPerPool: 3 });
    await Promise.all(Array.from({ length: 20 }, () => run("select pg_sleep(0.01)")));
    expect(pools.poolCount).toBe(1);
    expect(await backendCount()).toBe(3);
  });

  it("answers UNAVAILABLE where it cannot connect, says nothing of the place, and tries again", async () => {
    start();
    const nowhere = { ...database.connection, database: "no_such_database", password: "secret" };
    for (const attempt of [1, 2]) {
      const failure = await run("select 1", nowhere).catch((error: unknown) => error as Error);
      expect(failure, String(attempt)).toMatchObject({ code: "UNAVAILABLE" });
      expect((failure as Error).message).toBe("The database cannot be reached");
    }
    expect((await run("select 1")).rows).toEqual([["1"]]);
  });

  it("uses a changed connection string at once, and lets the old pool end", async () => {
    start();
    const other = await createTestDatabase();
    const running = run("select pg_sleep(0.2), current_database()");
    expect((await run("select current_database()", other.connection)).rows).toEqual([[other.connection.database]]);
    expect((await running).rows).toEqual([["", database.connection.database]]);
    await expect.poll(backendCount).toBe(0);
    expect(pools.poolCount).toBe(1);
    await pools.close(100);
    await other.close();
  });

  it("gives up the pool that was idle for longest when there are too many, but none that is in use", async () => {
    start({ maxPools: 2 });
    await run("select 1", database.connection, "one");
    const busy = run("select pg_sleep(0.2)", database.connection, "two");
    await run("select 1", database.connection, "three");
    expect(pools.poolCount).toBe(2);
    const alsoBusy = run("select pg_sleep(0.2)", database.connection, "three");
    await expect(run("select 1", database.connection, "four")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await Promise.all([busy, alsoBusy]);
  });

  it("knows the types of the tenant's own database, with one connection to spare", async () => {
    start({ maxConnectionsPerPool: 1 });
    await database.query("create type mood as enum ('sad'); create table notes (mood mood)");
    const { userTypes, rows } = await run("insert into notes values ('sad') returning array[mood]");
    expect(rows).toEqual([["{sad}"]]);
    expect([...userTypes.values()]).toContainEqual(expect.objectContaining({ kind: "array" }));
  });

  it("ends what still runs on a pool that was replaced, at the deadline of closing", async () => {
    start();
    const other = await createTestDatabase();
    const running = run("select pg_sleep(60)").catch((error: unknown) => error);
    await run("select 1", other.connection);
    await pools.close(100);
    expect(await running).toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|DATABASE_ERROR/) as string });
    await other.close();
  });

  describe("for a login that may not install the helpers", () => {
    const role = `dedicated_${randomBytes(4).toString("hex")}`;
    const sql = "select * from postgate_helpers.list_tables()";
    beforeEach(() => database.query(`create role ${role} login`));
    afterEach(async () => {
      await pools.close(100);
      await database.query(`drop owned by ${role}; drop role ${role}`);
    });

    it("says how, and uses them as soon as they are there", async () => {
      start({ installHelpers });
      const login = { ...database.connection, user: role };
      await expect(run(sql, login)).rejects.toMatchObject({
        code: "DATABASE_ERROR",
        details: { sqlstate: "42501", hint: expect.stringMatching(/GRANT CREATE ON DATABASE/) as string },
      });
      await run(sql); // As one that may, on another pool.
      expect((await run(sql, login)).rows).toEqual([]);
    });

    it("opens no transaction that could write where they are", async () => {
      start({ installHelpers });
      await run(sql);
      const statements: string[] = [];
      await installHelpers({
        query: async (text: string) => {
          statements.push(text);
          return { rows: (await database.query(text)) as unknown[] };
        },
      } as unknown as Parameters<typeof installHelpers>[0]);
      expect(statements).toEqual([expect.stringMatching(/^select /)]);
    });
  });

  it("does not wait for helpers that cannot be installed in time", async () => {
    start({
      sideTimeoutMs: 200,
      installHelpers: async (client) => {
        await client.query("select pg_sleep(60)");
      },
    });
    await expect(run("select postgate_helpers.list_tables()")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  it("installs the helpers at their first call, once", async () => {
    let calls = 0;
    start({
      installHelpers: async (client) => {
        calls += 1;
        if (calls === 1) throw new Error("not yet");
        await client.query(
          "create schema postgate_helpers; create function postgate_helpers.list_tables() returns int language sql as 'select 7'",
        );
      },
    });
    const sql = "select postgate_helpers.list_tables()";
    await run("select 'postgate_helpers'");
    expect(calls).toBe(0);
    await expect(run(sql)).rejects.toThrow("not yet");
    const answers = await Promise.all([run(sql), run(sql)]);
    expect(answers.map(({ rows }) => rows)).toEqual([[["7"]], [["7"]]]);
    expect(calls).toBe(2);
  });
});
