// The neighbours of a changed column's type (changed-types.test.ts): all else that decides the types of parameters, changed by
// somebody who is not this process.

import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasCluster } from "../../support/cluster.ts";
import { someoneWaits } from "../../support/someone-waits.ts";
import { type Harness, startHarness } from "./harness.ts";

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));

describe.each(VERSIONS)("a kept statement on PostgreSQL %i follows", (version) => {
  let harness: Harness;
  let run: Harness["run"];
  let elsewhere: (sql: string) => Promise<unknown>;
  beforeAll(async () => {
    harness = await startHarness(version);
    run = harness.run;
    elsewhere = (sql) => harness.database.query(`set search_path = alice; set timezone = 'UTC'; ${sql}`);
  });
  afterAll(() => harness.close());

  const rowsOf = async (sql: string, params: readonly unknown[] = []) => (await run(sql, params)).rows;
  const isPrepared = async (sql: string): Promise<boolean> =>
    (await rowsOf("select 1 from pg_prepared_statements where statement = $1::text", [sql])).length > 0;

  /** Runs the statement until it is kept, has the schema changed, and runs it again. */
  async function afterChange(sql: string, values: readonly [unknown, unknown], change: string) {
    for (let round = 0; round < 2; round++) await run(sql, [values[0]]);
    await elsewhere(change);
    return run(sql, [values[1]]);
  }

  it("a table that was dropped and made again", async () => {
    await run("create table again (x numeric)");
    const sql = "insert into again values ($1)";
    const change = "drop table again; create table again (x int); grant all on again to public";
    await expect(afterChange(sql, ["1.5", "1.6"], change)).rejects.toMatchObject({ details: { sqlstate: "22P02" } });
  });

  it("a table that took another one's name", async () => {
    await run("create table named (x numeric)");
    await run("create table other (x int)");
    const sql = "insert into named values ($1)";
    const change = "alter table named rename to old; alter table other rename to named";
    await expect(afterChange(sql, ["1.5", "1.6"], change)).rejects.toMatchObject({ details: { sqlstate: "22P02" } });
    expect(await rowsOf("select x from old")).toEqual([["1.5"], ["1.5"]]);
  });

  it("a view that was made again with another type, and one that is unchanged over a table that is not", async () => {
    await run("create table base (x numeric)");
    await run("insert into base values (1.6)");
    await run("create view seen as select x from base");
    const sql = "select * from seen where x = $1";
    const change = "drop view seen; create view seen as select x::int as x from base; grant all on seen to public";
    await expect(afterChange(sql, ["1.6", "1.6"], change)).rejects.toMatchObject({ details: { sqlstate: "22P02" } });
    expect(await rowsOf(sql, ["2"])).toEqual([["2"]]);
  });

  it("a partitioned table, the locks of its partitions left alone", async () => {
    await run("create table parted (k int, x timestamptz) partition by list (k)");
    for (const k of [1, 2]) await run(`create table parted_${k} partition of parted for values in (${k})`);
    const sql = "insert into parted values (1, $1)";
    await afterChange(sql, ["2026-01-01 10:00+05", "2026-01-01 10:00+05"], "alter table parted alter x type timestamp");
    expect(await rowsOf("select x from parted order by 1 desc limit 1")).toEqual([["2026-01-01 10:00:00"]]);
  });

  it.each<[string, string, string]>([
    ["domain", "create domain level as numeric", "alter domain level rename to was; create domain level as int"],
    [
      "domain in an array",
      "create domain steps as numeric",
      "alter domain steps rename to were; create domain steps as int",
    ],
  ])("a %s that took another one's name", async (kind, create, change) => {
    await run(create);
    const isArray = kind.includes("array");
    const sql = isArray ? "select ($1::steps[])[1]::text" : "select $1::level::text";
    const value = (text: string): unknown => (isArray ? [text] : text);
    await expect(afterChange(sql, [value("1.6"), value("1.6")], change)).rejects.toMatchObject({
      details: { sqlstate: "22P02" },
    });
  });

  it("an enum that took another one's name", async () => {
    await run("create type mood as enum ('sad', 'ok')");
    const sql = "select $1::mood";
    const change = "alter type mood rename to mood_was; create type mood as enum ('glad')";
    await expect(afterChange(sql, ["ok", "ok"], change)).rejects.toMatchObject({ details: { sqlstate: "22P02" } });
    expect(await rowsOf(sql, ["glad"])).toEqual([["glad"]]);
  });

  it("an attribute of a composite type", async () => {
    await run("create type pair as (x numeric, y int)");
    await run("create table pairs (c pair)");
    const sql = "update pairs set c.x = $1";
    const change = "alter type pair rename attribute x to z; alter type pair add attribute x int";
    await expect(afterChange(sql, ["1.5", "1.6"], change)).rejects.toMatchObject({ details: { sqlstate: "22P02" } });
  });

  it("what had to be declared, as it is now", async () => {
    await run("create table chosen (x int)");
    const sql = "insert into chosen select coalesce($1, $2) where $3 <> 0 returning x";
    for (let round = 0; round < 2; round++) expect((await run(sql, [1, 2, 1])).rows).toEqual([["1"]]);
    await elsewhere("alter table chosen alter x type text");
    expect((await run(sql, [{ a: 1 }, {}, 1])).rows).toEqual([['{"a":1}']]);
  });

  it.each(["repeatable read", "serializable"] as const)("a changed type in a %s transaction", async (isolation) => {
    const table = isolation.replace(" ", "_");
    await run(`create table ${table} (x numeric)`);
    const insert = (value: string) =>
      harness.runBatch([[`insert into ${table} values ($1)`, [value]]], { transaction: { isolation } });
    for (let round = 0; round < 2; round++) await insert("1.5");
    await elsewhere(`alter table ${table} alter x type int`);
    await expect(insert("1.6")).rejects.toMatchObject({ details: { sqlstate: "22P02" } });
    await insert("3");
    expect(await rowsOf(`select x from ${table} order by 1`)).toEqual([["2"], ["2"], ["3"]]);
  });

  it("a changed type of one table of several in a batch, and nothing of the batch remains where it fails", async () => {
    await run("create table one (x numeric)");
    await run("create table two (x numeric)");
    const batch = (value: string) =>
      harness.runBatch([
        ["insert into one values ($1)", [value]],
        ["insert into two values ($1)", [value]],
        ["insert into one values ($1)", [value]],
      ]);
    for (let round = 0; round < 2; round++) await batch("1.5");
    await elsewhere("alter table two alter x type int");
    await expect(batch("1.6")).rejects.toMatchObject({ details: { sqlstate: "22P02", statement: 1 } });
    expect(await rowsOf("select count(*)::int from one")).toEqual([["4"]]);
    await batch("3");
    expect(await rowsOf("select x from two order by x desc limit 1")).toEqual([["3"]]);
  });

  it("nothing that others do: another tenant's open change holds up nobody", async () => {
    const bob = { session: harness.bob };
    await run("create table mine (x int)");
    await run("create table theirs (x int)", [], bob);
    for (let round = 0; round < 2; round++) {
      await run("insert into mine values ($1)", [1]);
      await run("insert into theirs values ($1)", [1], bob);
    }
    const open = new pg.Client({ ...harness.database.connection, password: "" });
    await open.connect();
    await open.query("begin; alter table bob.theirs alter x type text");
    await run("insert into mine values ($1)", [2]);
    expect(await someoneWaits(harness.database)).toBe(false);
    await open.end();
  });

  it("the same statement again and again, prepared once", async () => {
    await run("create table steady (x int)");
    const sql = "insert into steady values ($1)";
    for (let round = 0; round < 3; round++) await run(sql, [round]);
    expect(await isPrepared(sql)).toBe(true);
    expect(await isPrepared('select * from "steady" where false')).toBe(true);
  });

  it("a table that it may not read: it is parsed anew each time", async () => {
    await harness.database.query("create table alice.sink (x numeric); grant insert on alice.sink to public");
    const sql = "insert into sink values ($1)";
    await expect(afterChange(sql, ["1.5", "1.6"], "alter table sink alter x type int")).rejects.toMatchObject({
      details: { sqlstate: "22P02" },
    });
    expect(await isPrepared(sql)).toBe(false);
  });

  it("a table that is not there, with the error that a statement without guards has", async () => {
    for (let round = 0; round < 2; round++)
      await expect(run("insert into nowhere values ($1)", [1])).rejects.toMatchObject({
        details: { sqlstate: "42P01", position: 13 },
      });
    await run("create table nowhere (x int)");
    await run("insert into nowhere values ($1)", [1]);
  });

  it("a name that a table of a schema further ahead takes away", async () => {
    await harness.database.query(`
      create schema ahead; grant usage on schema ahead to public;
      create table alice.hidden (x numeric); grant all on alice.hidden to public`);
    const session = { ...harness.alice, key: "alice with two", searchPath: "ahead, alice, pg_temp" };
    const insert = (value: string) => run("insert into hidden values ($1)", [value], { session });
    for (let round = 0; round < 3; round++) await insert("1.5");
    await harness.database.query("create table ahead.hidden (x int); grant all on ahead.hidden to public");
    await expect(insert("1.6")).rejects.toMatchObject({ details: { sqlstate: "22P02" } });
    await insert("7");
    expect(await harness.database.query("select x from ahead.hidden")).toEqual([{ x: 7 }]);
  });
});

describe.each(VERSIONS)("behind a pooler in transaction mode on PostgreSQL %i", (version) => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness(version, { ownsSessions: false });
  });
  afterAll(() => harness.close());

  it("the form of an array follows the type that the column has now", async () => {
    const { run, database } = harness;
    await run("create table tags (x text[])");
    const sql = "insert into tags values ($1)";
    for (let round = 0; round < 2; round++) await run(sql, [[]]);
    await database.query("alter table alice.tags alter x type jsonb using to_jsonb(x)");
    await run(sql, [[]]);
    expect((await run("select distinct x::text from tags")).rows).toEqual([["[]"]]);
  });
});
