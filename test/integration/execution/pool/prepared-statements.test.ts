import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasCluster } from "../../../support/cluster.ts";
import { type Harness, startHarness } from "../harness.ts";

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));

describe.each(VERSIONS)("prepared statements on PostgreSQL %i", (version) => {
  let harness: Harness;
  let run: Harness["run"];
  beforeAll(async () => {
    harness = await startHarness(version);
    run = harness.run;
  });
  afterAll(() => harness.close());

  const count = async (like: string): Promise<string | null | undefined> =>
    (await run("select count(*) from pg_prepared_statements where statement like $1", [like])).rows[0]?.[0];

  it("are kept once for each session and text", async () => {
    for (const session of [harness.alice, harness.bob, harness.alice, harness.bob])
      await run("select 'kept'", [], { session });
    expect(await count("select 'kept'")).toBe("2");
  });

  it("are bounded in number", async () => {
    for (let number = 0; number < 1_050; number += 1) await run(`select 'many', ${number}`);
    expect(Number(await count("%"))).toBeLessThanOrEqual(1_000 + 9 + 1);
    expect((await run("select 'many', 0")).rows).toEqual([["many", "0"]]);
  });

  it("are not kept of long texts", async () => {
    const text = `select 'long', '${"x".repeat(20_000)}'`;
    expect((await run(text)).rowCount).toBe(1);
    expect(await count("select 'long%' || repeat('x', 1000) || '%'")).toBe("0");
    expect((await run(`${text}, $1::int[]`, [[1]])).rowCount).toBe(1);
  });

  // As the superuser, so that this process does not know of the change.
  it.each([
    ["gains a column", "alter table changing add b int", [["1", null]]],
    ["changes the type of a column", "alter table changing alter a type text", [["1"]]],
    [
      "is made anew",
      "drop table changing; create table changing (a int); insert into changing values (1); grant all on changing to public",
      [["1"]],
    ],
  ])("are prepared again when a table %s", async (_, change, expected) => {
    await run("drop table if exists changing");
    await run("create table changing (a int)");
    await run("insert into changing values (1)");
    const sql = "select * from changing where a = $1";
    await run(sql, [1]);
    await harness.database.query(`set search_path = alice; ${change}`);
    expect((await run(sql, [1])).rows).toEqual(expected);
  });

  it("are prepared again when they have gone, on the same connection", async () => {
    await harness.database.query(
      "create or replace function alice.leave(sql text) returns int language plpgsql as 'begin execute sql; return 1; end'",
    );
    const sql = "select 'gone', pg_backend_pid()";
    const { rows } = await run(sql);
    const [[name] = []] = (await run("select name from pg_prepared_statements where statement = $1", [sql])).rows;
    await run(`select leave('deallocate ${String(name)}')`);
    expect(await count(sql)).toBe("0");
    expect((await run(sql)).rows).toEqual(rows);
    expect(await count(sql)).toBe("1");
  });

  it("never change a value by a type that was inferred before a tenant's own change", async () => {
    await run("create table codes (code int)");
    const sql = "insert into codes values ($1)";
    await run(sql, ["007"]);
    await run("alter table codes alter code type text");
    await run(sql, ["007"]);
    expect((await run("select code from codes")).rows).toEqual([["7"], ["007"]]);
  });

  it("do not run twice what fails while it runs", async () => {
    await run("create sequence attempts");
    const sql = "select 1 / (nextval('attempts') * 0)";
    for (const attempt of [1, 2])
      await expect(run(sql))
        .rejects.toMatchObject({ details: { sqlstate: "22012" } })
        .then(() => attempt);
    expect((await run("select last_value from attempts")).rows).toEqual([["2"]]);
  });
});
