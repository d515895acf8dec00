import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasCluster } from "../../support/cluster.ts";
import { type Harness, startHarness } from "./harness.ts";

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));

describe.each(VERSIONS)("a parameter that PostgreSQL %i refuses", (version) => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness(version);
    await harness.run("create domain positive as int check (value > 0)");
    await harness.run("create domain given as int not null");
    await harness.run("create table kept (id int, at timestamptz, doc jsonb, tags int[])");
    await harness.database.query(`alter role ${harness.login.user} set log_parameter_max_length_on_error = -1`);
  });
  afterAll(() => harness.close());

  it.each<[string, readonly unknown[], number, string]>([
    ["select $1::int, $2::int, $3::int", [1, 2, "x"], 3, "22P02"],
    ["select $1::int", ["x\nunnamed portal parameter $9 = '...'"], 1, "22P02"],
    ["select $1::text, $2::json", ["a", `{"a": $9`], 2, "22P02"],
    ["select $1::int2", [70_000], 1, "22003"],
    ["select $1::date, $2::date", ["2026-01-01", "2026-13-01"], 2, "22008"],
    ["select $1::positive", [-1], 1, "23514"],
    ["select $1::given", [null], 1, "23502"],
    ["select $1::int[]", ["{1,x}"], 1, "22P02"],
    ["insert into kept values ($1, $2)", [1, "never"], 2, "22007"],
    ["insert into kept (id, tags) values ($1, $2)", [1, ["a"]], 2, "22P02"],
    ["update kept set doc = $2 where id = $1", [1, "{"], 2, "22P02"],
    ["select * from kept where id = $1", ["x"], 1, "22P02"],
  ])("is named: %s with %j", async (sql, params, parameter, sqlstate) => {
    for (let round = 0; round < 2; round++)
      await expect(harness.run(sql, params)).rejects.toMatchObject({ details: { sqlstate, parameter } });
  });

  it("is named together with its statement in a batch", async () => {
    const batch = harness.runBatch([
      ["select $1::int", [1]],
      ["select $1::int, $2::int", [1, "x"]],
    ]);
    await expect(batch).rejects.toMatchObject({ details: { statement: 1, parameter: 2, sqlstate: "22P02" } });
  });

  it.each<[string, readonly unknown[]]>([
    ["select $1::int / 0", [1]],
    ["select ($1::text)::int", ["x"]],
    ["select no_such_column, $1::int", [1]],
  ])("is not named where no parameter was refused: %s", async (sql, params) => {
    const error = (await harness.run(sql, params).catch((caught: unknown) => caught)) as { details: object };
    expect(error.details).toHaveProperty("sqlstate");
    expect(error.details).not.toHaveProperty("parameter");
  });
});
