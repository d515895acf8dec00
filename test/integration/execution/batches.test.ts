import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hasCluster } from "../../support/cluster.ts";
import { type CountingProxy, startCountingProxy } from "./counting-proxy.ts";
import { type BatchOptions, type Harness, startHarness, type TestStatement } from "./harness.ts";

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));

describe.each(VERSIONS)("a batch on PostgreSQL %i", (version) => {
  let proxy: CountingProxy;
  let harness: Harness;
  let run: Harness["run"];
  let runBatch: Harness["runBatch"];
  beforeAll(async () => {
    harness = await startHarness(version, {
      through: async (login) => {
        proxy = await startCountingProxy(login);
        return proxy.connection;
      },
    });
    ({ run, runBatch } = harness);
    await run("create table notes (id int primary key, body text, tags text[], doc jsonb)");
    await run("create table links (note int references notes deferrable initially deferred)");
  });
  beforeEach(() => run("truncate notes, links"));
  afterAll(async () => {
    await harness.close();
    await proxy.close();
  });

  const rowsOf = async (statements: readonly TestStatement[], options: BatchOptions = {}): Promise<unknown[]> =>
    (await runBatch(statements, options)).map(({ rows }) => rows);
  const countNotes = async (): Promise<unknown> => (await run("select count(*) from notes")).rows[0]?.[0];
  const cost = async (statements: readonly TestStatement[], options: BatchOptions = {}): Promise<number> => {
    proxy.takeRoundTrips();
    await runBatch(statements, options);
    return proxy.takeRoundTrips();
  };
  const insert = (id: number): TestStatement => ["insert into notes (id) values ($1)", [id]];

  describe("results", () => {
    it("are one for each statement, in their order", async () => {
      const results = await runBatch([
        ["insert into notes values (1, 'one'), (2, 'two')"],
        ["update notes set body = $1 where id = $2 returning body", ["uno", 1]],
        ["select id from notes order by id"],
        ["delete from notes where id > 9"],
        ["create table made (id int)"],
        ["drop table made"],
      ]);
      expect(results.map(({ rows, rowCount, commandTag }) => [rows, rowCount, commandTag])).toEqual([
        [[], 2, "INSERT 0 2"],
        [[["uno"]], 1, "UPDATE 1"],
        [[["1"], ["2"]], 2, "SELECT 2"],
        [[], 0, "DELETE 0"],
        [[], 0, "CREATE TABLE"],
        [[], 0, "DROP TABLE"],
      ]);
    });

    it("hold what earlier statements did", async () => {
      expect(
        await rowsOf([
          ["create table staged (id int, at text)"],
          ["insert into staged select n, 'x' from generate_series(1, $1::int) as n", [3]],
          ["alter table staged add column more int default 7"],
          ["select * from staged where id = $1", [2]],
          ["drop table staged"],
        ]),
      ).toEqual([[], [], [], [["2", "x", "7"]], []]);
    });

    it("are of the same text as often as it is sent", async () => {
      await runBatch(Array.from({ length: 200 }, (_, id) => insert(id)));
      expect(await countNotes()).toBe("200");
    });

    it("come from many different texts", async () => {
      const statements = Array.from({ length: 300 }, (_, n): TestStatement => [`select ${n}, $1::text[]`, [["a"]]]);
      expect(await rowsOf(statements)).toEqual(statements.map((_, n) => [[String(n), "{a}"]]));
      expect(await rowsOf(statements.slice(0, 20))).toEqual(
        statements.slice(0, 20).map((_, n) => [[String(n), "{a}"]]),
      );
    });

    it("come from texts too long to be kept prepared", async () => {
      const long = (n: number): TestStatement => [`select ${n} /* ${"x".repeat(9_000)} */, $1::int[]`, [[n]]];
      expect(await rowsOf([long(1), long(2), ["select 3"], long(1)])).toEqual([
        [["1", "{1}"]],
        [["2", "{2}"]],
        [["3"]],
        [["1", "{1}"]],
      ]);
    });
  });

  describe("all or nothing", () => {
    it.each<[string, TestStatement, number, object]>([
      ["does not parse", ["selec 1"], 1, { sqlstate: "42601" }],
      ["names no table", ["select * from nowhere"], 1, { sqlstate: "42P01" }],
      ["breaks a constraint", insert(1), 1, { sqlstate: "23505" }],
      ["fails while it runs", ["select 1 / (select 0)"], 1, { sqlstate: "22012" }],
      ["takes no such parameter", ["select id from notes where id = $1", ["x"]], 1, { sqlstate: "22P02" }],
      ["takes no such array", ["select id from notes where id = any($1)", [["x"]]], 1, { sqlstate: "22P02" }],
    ])("names the statement that %s, and undoes the others", async (_, statement, index, details) => {
      await expect(runBatch([insert(1), statement, insert(2)])).rejects.toMatchObject({
        code: "DATABASE_ERROR",
        details: { ...details, statement: index },
      });
      expect(await countNotes()).toBe("0");
    });

    it("undoes all when the commit fails, which is no statement's error", async () => {
      const failure = await runBatch([insert(1), ["insert into links values (99)"]]).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: "DATABASE_ERROR", details: { sqlstate: "23503" } });
      expect(failure).not.toHaveProperty("details.statement");
      expect(await countNotes()).toBe("0");
    });

    it.each<[string, readonly TestStatement[], number]>([
      ["one statement's", [insert(1), ["select generate_series(1, 12)"]], 1],
      ["all statements'", [insert(1), ["select generate_series(1, 6)"], ["select generate_series(1, 6)"]], 2],
    ])("undoes all when %s rows are too many", async (_, statements, statement) => {
      await expect(runBatch(statements, { limits: { maxRows: 10 } })).rejects.toMatchObject({
        code: "ROW_LIMIT_EXCEEDED",
        details: { max_rows: 10, statement },
      });
      expect(await countNotes()).toBe("0");
    });

    it("allows as many rows as all statements may return", async () => {
      const statements: TestStatement[] = [
        insert(1),
        ["select generate_series(1, 5)"],
        ["select generate_series(1, 5)"],
      ];
      await runBatch(statements, { limits: { maxRows: 10 } });
      expect(await countNotes()).toBe("1");
    });

    it("undoes all when the results together are too large", async () => {
      const select: TestStatement = ["select repeat('x', 600) as v"];
      await expect(runBatch([insert(1), select, select], { limits: { maxBytes: 1_000 } })).rejects.toMatchObject({
        code: "RESULT_TOO_LARGE",
      });
      expect(await countNotes()).toBe("0");
    });

    it("stops all at the deadline of the whole, though no statement is over it", async () => {
      const sleep: TestStatement = ["select pg_sleep(0.4)"];
      await expect(
        runBatch([insert(1), sleep, sleep, sleep, sleep, sleep, sleep], { limits: { timeoutMs: 1_000 } }),
      ).rejects.toMatchObject({ code: "TIMEOUT" });
      expect(await countNotes()).toBe("0");
    });

    it("undoes all when the client goes", async () => {
      const client = new AbortController();
      const running = runBatch([insert(1), ["select pg_sleep(60)"]], { signal: client.signal });
      setTimeout(() => client.abort(), 200);
      await expect(running).rejects.toThrow("The client has gone");
      expect(await countNotes()).toBe("0");
    });

    it("refuses a wrong number of parameters before anything runs", async () => {
      proxy.takeRoundTrips();
      await expect(runBatch([insert(1), ["select $1::int", [1, 2]]])).rejects.toMatchObject({
        code: "INVALID_REQUEST",
        details: { statement: 1 },
      });
      expect(proxy.takeRoundTrips()).toBe(0);
    });
  });

  describe("round trips", () => {
    const inserts = (from: number, count: number): TestStatement[] =>
      Array.from({ length: count }, (_, n) => insert(from + n));

    it("are one for a batch of one write without rows", async () => {
      expect(await cost(inserts(1, 1))).toBe(1);
    });

    it.each([2, 10, 100])("are two for %i writes: what each of them was is known before the commit", async (count) => {
      expect(await cost(inserts(1, count))).toBe(2);
      expect(await cost(inserts(1_000, count))).toBe(2);
    });

    it.each([1, 2, 10, 100])("are one for %i reads", async (count) => {
      expect(await cost(Array.from({ length: count }, (_, n): TestStatement => [`select ${n}`]))).toBe(1);
    });

    it.each([1, 10, 100])("are two for a write and %i reads: the rows are counted before the commit", async (count) => {
      const reads = Array.from({ length: count }, (): TestStatement => ["select * from notes"]);
      expect(await cost([insert(1), ...reads])).toBe(2);
    });

    it("are one more the first time that types of array parameters are asked for", async () => {
      const texts = ["tags = $1", "tags <> $1", "id = any($1::int[])", "tags && $1"];
      const statements = texts.map((text): TestStatement => [`select 1 from notes where ${text}`, [["1"]]]);
      expect(await cost(statements)).toBe(2);
      expect(await cost(statements)).toBe(1);
    });

    it("are one more for array parameters after a change of the schema", async () => {
      const sql = "insert into made (tags, doc) values ($1, $2)";
      expect(
        await cost([
          ["create table made (tags text[], doc jsonb)"],
          [sql, [["a"], ["a"]]],
          [sql, [["b"], { b: 1 }]],
          ["drop table made"],
        ]),
      ).toBe(3);
    });

    it("are the same with an isolation level and another session before", async () => {
      expect(await cost([["select 1"], ["select 2"]], { session: harness.bob })).toBe(1);
      expect(await cost(inserts(1, 5), { transaction: { isolation: "serializable" } })).toBe(2);
    });

    it("are one write for all statements, and one for the commit of those that write", async () => {
      proxy.takeWrites();
      await runBatch(Array.from({ length: 20 }, (_, n): TestStatement => [`select ${n}`]));
      expect(proxy.takeWrites()).toBe(1);
      await runBatch(inserts(1, 20));
      expect(proxy.takeWrites()).toBe(2);
    });
  });

  describe("types", () => {
    it("are inferred anew after a change of the schema in the batch", async () => {
      const insertBoth: TestStatement = ["insert into typed values ($1) returning v", [["1"]]];
      await run("create table typed (v text[])");
      expect((await run(...(insertBoth as [string, unknown[]]))).rows).toEqual([["{1}"]]);
      expect(
        await rowsOf([
          ["select $1::text[] = '{1}'", [["1"]]],
          ["drop table typed"],
          ["create table typed (v jsonb)"],
          insertBoth,
          ["alter table typed alter column v type int[] using null"],
          insertBoth,
        ]),
      ).toEqual([[["t"]], [], [], [['["1"]']], [], [["{1}"]]]);
      await run("drop table typed");
    });

    it("are not kept when the change was rolled back", async () => {
      const sql = "select $1 = v from kept";
      await run("create table kept (v text[])");
      await run("insert into kept values ('{a}')");
      await expect(
        runBatch([["drop table kept"], ["create table kept (v jsonb)"], [sql, [["a"]]], ["select 1 / (select 0)"]]),
      ).rejects.toMatchObject({ details: { sqlstate: "22012", statement: 3 } });
      expect((await run(sql, [["a"]])).rows).toEqual([["t"]]);
      await run("drop table kept");
    });

    it("that PostgreSQL cannot infer are learnt for each statement", async () => {
      const statements: TestStatement[] = [
        insert(1),
        ["select jsonb_build_object('a', $1)", [1]],
        ["select jsonb_build_object($1, $2)", ["b", true]],
      ];
      expect(await rowsOf(statements)).toEqual([[], [['{"a": 1}']], [['{"b": true}']]]);
      expect(await countNotes()).toBe("1");
      await run("truncate notes, links");
      expect(await cost(statements)).toBe(2);
    });

    it("that the batch makes serve it, and are known afterwards", async () => {
      const results = await runBatch([
        ["create type size as enum ('s', 'm')"],
        ["create domain even as int check (value % 2 = 0)"],
        ["create table shirts (size size, n even)"],
        ["insert into shirts values ($1, $2) returning size, n, shirts", ["m", 4]],
      ]);
      expect(results[3]?.rows).toEqual([["m", "4", "(m,4)"]]);
      const { fields, userTypes } = await run("select size, array[size], array[n] from shirts");
      const [size = 0, sizes = 0, evens = 0] = fields.map(({ typeOid }) => typeOid);
      expect(userTypes.get(size)).toEqual({ kind: "scalar", name: "size" });
      expect(userTypes.get(sizes)).toMatchObject({ kind: "array", elementOid: size });
      expect(userTypes.get(evens)).toMatchObject({ kind: "array" });
      await run("drop table shirts");
      await run("drop type size");
      await run("drop domain even");
    });

    it.each<[string, TestStatement]>([
      ["returned", ["select array['a'::fresh]"]],
      ["sent", ["select $1::fresh[] is null", [["a"]]]],
    ])(
      "that the batch makes are refused as arrays that are %s: their elements are not known",
      async (what, statement) => {
        await expect(runBatch([["create type fresh as enum ('a')"], statement])).rejects.toMatchObject({
          code: "DATABASE_ERROR",
          message: expect.stringContaining(what) as string,
          details: { sqlstate: "0A000", statement: 1 },
        });
        await expect(run("select null::fresh")).rejects.toMatchObject({ details: { sqlstate: "42704" } });
      },
    );

    it("have their new name after a change of it", async () => {
      await run("create type colour as enum ('red')");
      const nameOf = async (sql: string): Promise<unknown> => {
        const { fields, userTypes } = await run(sql);
        return userTypes.get(fields[0]?.typeOid ?? 0);
      };
      expect(await nameOf("select 'red'::colour")).toEqual({ kind: "scalar", name: "colour" });
      await run("alter type colour rename to color");
      expect(await nameOf("select 'red'::color")).toEqual({ kind: "scalar", name: "color" });
      await run("drop type color");
    });
  });

  describe("the transaction", () => {
    const show = "select current_setting($1)";

    it.each(["read committed", "repeatable read", "serializable", "read uncommitted"] as const)(
      "is %s where that is asked for, and no other",
      async (isolation) => {
        expect(await rowsOf([[show, ["transaction_isolation"]]], { transaction: { isolation } })).toEqual([
          [[isolation]],
        ]);
        expect(await rowsOf([[show, ["transaction_isolation"]]])).toEqual([[["read committed"]]]);
      },
    );

    it("is read-only where that is asked for: a write is an error, and not tried again", async () => {
      await expect(runBatch([["select 1"], insert(1)], { transaction: { readOnly: true } })).rejects.toMatchObject({
        details: { sqlstate: "25006", statement: 1 },
      });
      expect(await rowsOf([[show, ["transaction_read_only"]]], { transaction: { readOnly: true } })).toEqual([
        [["on"]],
      ]);
    });

    it("is read-only where the session is, whatever is asked for", async () => {
      const session = { ...harness.alice, readOnly: true };
      await expect(runBatch([["select 1"], insert(1)], { session })).rejects.toMatchObject({
        details: { sqlstate: "25006", statement: 1 },
      });
    });

    it("is deferrable where that is asked for", async () => {
      const transaction = { isolation: "serializable", readOnly: true, deferrable: true } as const;
      const settings = ["transaction_isolation", "transaction_read_only", "transaction_deferrable"];
      const statements = settings.map((name): TestStatement => [show, [name]]);
      expect(await rowsOf(statements, { transaction })).toEqual([[["serializable"]], [["on"]], [["on"]]]);
      expect(await rowsOf(statements, { transaction, session: harness.bob })).toEqual([
        [["serializable"]],
        [["on"]],
        [["on"]],
      ]);
    });

    it("sees one snapshot throughout where it is repeatable read", async () => {
      const running = rowsOf(
        [["select count(*) from notes"], ["select pg_sleep(0.5)"], ["select count(*) from notes"]],
        { transaction: { isolation: "repeatable read" } },
      );
      await expect.poll(() => isSleeping()).toBe(true);
      await harness.database.query("insert into alice.notes (id) values (50)");
      expect(await running).toEqual([[["0"]], [[""]], [["0"]]]);
    });

    it("tells of a serialization failure, and leaves the connection usable", async () => {
      await run("insert into notes (id, body) values (1, 'a')");
      const running = runBatch(
        [["select body from notes"], ["select pg_sleep(0.5)"], ["update notes set body = body || 'b'"]],
        { transaction: { isolation: "repeatable read" } },
      );
      const outcome = expect(running).rejects.toMatchObject({ details: { sqlstate: "40001", statement: 2 } });
      await expect.poll(() => isSleeping()).toBe(true);
      await harness.database.query("update alice.notes set body = 'z'");
      await outcome;
      expect(await rowsOf([["select body from notes"]])).toEqual([[["z"]]]);
    });

    it("is tried again, with its commit held, when what only reads writes after all", async () => {
      await harness.database.query(
        "create function alice.hit() returns int language sql volatile as 'insert into alice.notes (id) values (7) returning id'",
      );
      expect(await rowsOf([["select 1"], ["select hit()"], ["select count(*) from notes"]])).toEqual([
        [["1"]],
        [["7"]],
        [["1"]],
      ]);
      await expect(runBatch([["select hit() + 1"], ["select 1 / (select 0)"]])).rejects.toThrow();
      await harness.database.query("drop function alice.hit()");
      expect(await countNotes()).toBe("1");
    });

    it("outlives tables that changed under what was prepared", async () => {
      const statements: TestStatement[] = [["select * from moving"], ["select count(*) from moving"]];
      await run("create table moving (a int)");
      await runBatch(statements);
      await harness.database.query("alter table alice.moving add column b int");
      expect((await runBatch(statements))[0]?.fields).toHaveLength(2);
      await run("drop table moving");
    });

    it("leaves nothing behind for the next one", async () => {
      await rowsOf([["select set_config('statement_timeout', '1', true)"], ["select 1"]]);
      expect(await rowsOf([[show, ["statement_timeout"]]])).toEqual([[["10s"]]]);
    });

    async function isSleeping(): Promise<boolean> {
      const rows = await harness.database.query(
        "select 1 from pg_stat_activity where state = 'active' and wait_event = 'PgSleep' and datname = current_database()",
      );
      return rows.length > 0;
    }
  });

  it("is taken by a connection that was just opened", async () => {
    const { pool } = harness;
    const connection = await pool.acquire(harness.alice, new AbortController().signal);
    connection.destroy();
    pool.release(connection);
    expect(await rowsOf([["select 1"], ["select $1::int[]", [[2]]]])).toEqual([[["1"]], [["{2}"]]]);
  });
});
