import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TenantRoleMissing } from "../../../src/execution/execute-request.ts";
import { GatewayError } from "../../../src/base/errors.ts";
import { hasCluster } from "../../support/cluster.ts";
import { type Harness, startHarness } from "./harness.ts";

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));

describe.each(VERSIONS)("execute on PostgreSQL %i", (version) => {
  let harness: Harness;
  let run: Harness["run"];
  beforeAll(async () => {
    harness = await startHarness(version);
    run = harness.run;
    await run("create table notes (id int primary key, body text)");
  });
  afterAll(() => harness.close());

  describe("statements", () => {
    it("answers what returns no rows with the count of the command tag", async () => {
      expect(await run("create table kinds (id serial primary key, body text)")).toEqual({
        fields: [],
        rows: [],
        rowCount: 0,
        commandTag: "CREATE TABLE",
        userTypes: new Map(),
      });
      expect(await run("insert into kinds (body) values ($1), ($2)", ["one", "two"])).toMatchObject({ rowCount: 2 });
      expect(await run("update kinds set body = 'x' where id > 1")).toMatchObject({ rowCount: 1 });
      expect(await run("delete from kinds where id = 9")).toMatchObject({ rowCount: 0 });
      expect(await run("create table copied as select * from kinds")).toMatchObject({ rows: [], rowCount: 2 });
      expect(await run("truncate kinds")).toMatchObject({ rows: [], rowCount: 0 });
      expect(await run("drop table kinds, copied")).toMatchObject({ rows: [], rowCount: 0 });
    });

    it("answers rows with their columns in the statement's order", async () => {
      expect(await run("insert into notes values ($1, $2) returning body, id", [1, "one"])).toMatchObject({
        fields: [
          { name: "body", typeOid: 25 },
          { name: "id", typeOid: 23 },
        ],
        rows: [["one", "1"]],
        rowCount: 1,
        commandTag: "INSERT 0 1",
        userTypes: new Map(),
      });
      expect(await run("select from notes")).toMatchObject({ fields: [], rows: [[]], rowCount: 1 });
      expect(await run("explain select 1")).toMatchObject({ fields: [{ name: "QUERY PLAN" }] });
      expect(await run("select null, '' from notes")).toMatchObject({ rows: [[null, ""]] });
    });

    it("refuses a second statement", async () => {
      await expect(run("select 1; select 2")).rejects.toMatchObject({ details: { sqlstate: "42601" } });
    });

    it.each(["", "-- nothing"])("answers an empty text %j with nothing", async (sql) => {
      expect(await run(sql)).toMatchObject({ fields: [], rows: [], rowCount: 0 });
    });
  });

  describe("parameters", () => {
    const nested = [
      [1, null],
      [3, 4],
    ];
    it.each([
      ["a number where a type is given", "select $1::int", [1], "1"],
      ["a number compared with a column", "select id from notes where id = $1", [1], "1"],
      ["null", "select $1::int is null", [null], "t"],
      ["a bare parameter", "select $1", [7], "7"],
      ["a boolean", "select not $1", [true], "f"],
      ["an object for jsonb", "select $1::jsonb ->> 'a'", [{ a: "b" }], "b"],
      ["an array for jsonb", "select $1::jsonb", [[1, "a", null]], '[1, "a", null]'],
      ["an array for json", "select $1::json", [[1, { a: [] }]], '[1,{"a":[]}]'],
      ["an array for int[]", "select $1::int[]", [[1, null, 3]], "{1,NULL,3}"],
      ["a nested array", "select $1::int[]", [nested], "{{1,NULL},{3,4}}"],
      ["an empty array", "select $1::text[]", [[]], "{}"],
      ["texts that need quotes", "select ($1::text[])[1]", [['a"b\\c,{}']], 'a"b\\c,{}'],
      ["the text NULL", "select ($1::text[])[1] is null", [["NULL"]], "f"],
      ["an array for any()", "select id from notes where id = any($1)", [[1, 2]], "1"],
      ["objects in a text array", "select ($1::text[])[1]", [[{ a: 1 }]], '{"a":1}'],
      ["documents in a jsonb array", "select ($1::jsonb[])[3]", [["s", null, [1, { a: 2 }]]], '[1, {"a": 2}]'],
      ["strings in a jsonb array", "select ($1::jsonb[])[1]", [["s"]], '"s"'],
      ["boxes, which semicolons separate", "select ($1::box[])[2]", [["(1,1),(0,0)", "(2,2),(1,1)"]], "(2,2),(1,1)"],
      ["an integer of no known type", "select jsonb_build_object('a', $1)", [1], '{"a": 1}'],
      ["a string of no known type", "select jsonb_build_object('a', $1)", ["1"], '{"a": "1"}'],
      ["a boolean of no known type", "select jsonb_build_array($1)", [true], "[true]"],
      ["a fraction of no known type", "select jsonb_build_array($1)", [1.5], "[1.5]"],
      ["null of no known type", "select jsonb_build_array($1)", [null], "[null]"],
      ["an object of no known type", "select jsonb_build_array($1)", [{ a: [1] }], '[{"a": [1]}]'],
      ["an array of no known type", "select jsonb_build_array($1)", [[1, "b"]], '[[1, "b"]]'],
      ["several of no known type", "select jsonb_build_array($1, $2, $3)", [1, "b", true], '[1, "b", true]'],
      ["unknown beside known types", "select jsonb_build_array($1) from notes where id = $2", ["x", 1], '["x"]'],
      ["a polymorphic argument", "select to_jsonb($1)", [5], "5"],
      ["an operator of two unknowns", "select $1 + $2", [1, 2], "3"],
    ])("takes %s", async (...[, sql, params, expected]) => {
      const { rows } = await run(sql, params);
      expect(rows).toEqual([[expected]]);
      expect((await run(sql, params)).rows).toEqual(rows); // Prepared by now.
    });

    it("takes types of the tenant's own", async () => {
      await run("create domain doc as jsonb");
      await run("create type mood as enum ('sad', 'so, so')");
      await run("create table typed (doc doc, docs doc[], moods mood[])");
      await run("insert into typed values ($1, $2, $3)", [[1], [[1], { a: 1 }], ["so, so", null]]);
      expect((await run("select doc, docs[2], moods[1], moods from typed")).rows).toEqual([
        ["[1]", '{"a": 1}', "so, so", '{"so, so",NULL}'],
      ]);
    });

    it.each([
      ["too few", "select $1::int, $2::int", [1]],
      ["too many", "select $1::int", [1, 2]],
      ["more than the protocol counts", "select 1", Array.from({ length: 65_536 }, () => 1)],
    ])("refuses %s before anything runs", async (_, sql, params) => {
      await expect(run(sql, params)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    });

    it("takes as many as the protocol counts", async () => {
      const count = 65_535;
      const list = Array.from({ length: count }, (_, index) => `$${index + 1}::int`).join();
      const { rows } = await run(
        `select cardinality(array[${list}])`,
        Array.from({ length: count }, () => 1),
      );
      expect(rows).toEqual([["65535"]]);
    });

    it("sends the same statement with another JSON kind as another type", async () => {
      const sql = "select jsonb_build_object('k', $1)";
      expect((await run(sql, [1])).rows).toEqual([['{"k": 1}']]);
      expect((await run(sql, ["1"])).rows).toEqual([['{"k": "1"}']]);
      expect((await run(sql, [[1]])).rows).toEqual([['{"k": [1]}']]);
    });

    it("says which parameter has a value that the type does not take", async () => {
      await expect(run("select id from notes where id = $1", ["abc"])).rejects.toMatchObject({
        code: "DATABASE_ERROR",
        details: { sqlstate: "22P02" },
      });
    });
  });

  describe("user types of a result", () => {
    it("tells arrays, domains and scalars apart, elements and base types included", async () => {
      await run("create type color as enum ('red')");
      await run("create domain even as int check (value % 2 = 0)");
      await run("create domain evens as even[]");
      const { fields, userTypes } = await run(
        "select 'red'::color, array['red'::color], array[2::even], array[array[2::even]::evens]",
      );
      const [color, colors, evens, arrayOfEvens] = fields.map(({ typeOid }) => typeOid);
      expect(userTypes.get(color ?? 0)).toEqual({ kind: "scalar", name: "color" });
      expect(userTypes.get(colors ?? 0)).toEqual({ kind: "array", elementOid: color, delimiter: "," });
      const even = userTypes.get(evens ?? 0);
      expect(even).toMatchObject({ kind: "array" });
      expect(userTypes.get((even as { elementOid: number }).elementOid)).toMatchObject({ kind: "domain", baseOid: 23 });
      const outer = userTypes.get(arrayOfEvens ?? 0) as { elementOid: number };
      expect(userTypes.get(outer.elementOid)).toEqual({ kind: "domain", baseOid: evens, name: "evens" });
    });
  });

  it("looks up the catalog's own types, whose numbers differ between databases", async () => {
    const { fields, userTypes } = await run("select array['x'::information_schema.sql_identifier]");
    const array = userTypes.get(fields[0]?.typeOid ?? 0) as { elementOid: number };
    expect(array).toMatchObject({ kind: "array" });
    expect(userTypes.get(array.elementOid)).toMatchObject({ kind: "domain", baseOid: 19 });
  });

  describe("errors", () => {
    beforeEach(async () => {
      await run("create table if not exists parents (id int primary key)");
      await run(
        "create table if not exists children (parent_id int references parents deferrable initially deferred, age int constraint grown check (age > 17))",
      );
    });

    it.each([
      ["select nothing from notes", { sqlstate: "42703", position: 8 }],
      ["insert into parents values (null)", { sqlstate: "23502", table: "parents", column: "id" }],
      ["insert into children (age) values (3)", { sqlstate: "23514", constraint: "grown", table: "children" }],
      ["select 1/0", { sqlstate: "22012" }],
      ["select lower(1)", { sqlstate: "42883", hint: expect.any(String) as string }],
    ])("tells PostgreSQL's of %s", async (sql, details) => {
      await expect(run(sql)).rejects.toMatchObject({ code: "DATABASE_ERROR", details });
    });

    it("answers a deferred constraint that fails at the commit with its error", async () => {
      const failing = "insert into children values (1, 20)";
      for (const sql of [failing, `${failing} returning age`])
        await expect(run(sql)).rejects.toMatchObject({ code: "DATABASE_ERROR", details: { sqlstate: "23503" } });
      expect((await run("select * from children")).rows).toEqual([]);
    });

    it("uses the connection again after an error", async () => {
      await expect(run("select 1/0")).rejects.toBeInstanceOf(GatewayError);
      expect(harness.pool.connectionCount).toBe(1);
      expect((await run("select 1")).rows).toEqual([["1"]]);
    });

    it("names no role, schema or place of the server", async () => {
      const failure = await run("select * from bob.secret").catch((error: unknown) => error as GatewayError);
      expect(failure).toMatchObject({ code: "DATABASE_ERROR" });
      expect(Object.keys((failure as GatewayError).details).sort()).toEqual(["position", "sqlstate"]);
    });

    it("signals a role that is missing, or that the login may not take, before anything runs", async () => {
      const { alice } = harness;
      const absent = { ...alice, key: "absent", role: "no_such_role" };
      const foreign = { ...alice, key: "foreign", role: "postgres" };
      for (const session of [absent, foreign])
        await expect(run("insert into notes values (77)", [], { session })).rejects.toBeInstanceOf(TenantRoleMissing);
      expect((await run("select * from notes where id = 77")).rows).toEqual([]);
    });
  });

  describe("settings", () => {
    it("are pinned, whatever the database and the login say", async () => {
      const pinned = await startHarness(version);
      const { login, database } = pinned;
      for (const scope of [`database ${login.database}`, `role ${login.user}`])
        for (const setting of [
          "datestyle = 'German, DMY'",
          "intervalstyle = 'sql_standard'",
          "timezone = 'Asia/Tokyo'",
          "bytea_output = 'escape'",
          "extra_float_digits = -5",
          "search_path = 'bob'",
          "standard_conforming_strings = off",
          "statement_timeout = 200",
          "lock_timeout = 1",
          "client_encoding = 'LATIN1'",
        ])
          await database.query(`alter ${scope} set ${setting}`);
      const sql = `select date '2026-02-03', interval '1 day 2 hours', timestamptz '2026-02-03 04:05:06+00', '\\x01ff'::bytea,
        0.1::float8 + 0.2, current_schema(), current_setting('lock_timeout'), '\\\\n', 'é', pg_sleep(0.3)::text`;
      const row = [
        [
          "2026-02-03",
          "1 day 02:00:00",
          "2026-02-03 04:05:06+00",
          "\\x01ff",
          "0.30000000000000004",
          "alice",
          "0",
          "\\\\n",
          "é",
          "",
        ],
      ];
      expect((await pinned.run(sql)).rows).toEqual(row);
      await pinned.run("create table made (id int)");
      expect((await pinned.run("select current_schema()", [], { session: pinned.bob })).rows).toEqual([["bob"]]);
      expect((await pinned.run(sql)).rows).toEqual(row); // After a reset.
      await pinned.run("insert into made values (1)");
      await pinned.close();
    });

    it("leave the operator's switch to read-only alone", async () => {
      const switched = await startHarness(version);
      await switched.database.query(`alter database ${switched.login.database} set default_transaction_read_only = on`);
      expect((await switched.run("select 1")).rows).toEqual([["1"]]);
      for (const sql of ["create table made (id int)", "create view seen as select 1"])
        await expect(switched.run(sql)).rejects.toMatchObject({ details: { sqlstate: "25006" } });
      await switched.close();
    });

    it("keep a read-only session from writing", async () => {
      const session = { ...harness.alice, readOnly: true };
      await expect(run("insert into notes values (5)", [], { session })).rejects.toMatchObject({
        details: { sqlstate: "25006" },
      });
      expect((await run("insert into notes values (5)")).rowCount).toBe(1);
    });
  });
});
