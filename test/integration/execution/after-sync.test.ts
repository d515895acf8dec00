// Once Sync is on its way, a change may be committed. From then on the answer is success, PostgreSQL's error or "outcome
// unknown": never that nothing was changed.

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayError } from "../../../src/base/errors.ts";
import { hasCluster } from "../../support/cluster.ts";
import { type Harness, startHarness, type TestStatement } from "./harness.ts";

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));
const PROTOCOL_BYTES = 131_072;

describe.each(VERSIONS)("a write on PostgreSQL %i", (version) => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness(version);
    await harness.run("create table led (id int)");
    await harness.database.query(`create function alice.tell(level text, size int) returns int language plpgsql as $$
      begin
        if level = 'info' then raise info '%', repeat('i', size);
        elsif level = 'notice' then raise notice '%', repeat('n', size);
        elsif level = 'warning' then raise warning '%', repeat('w', size);
        else raise exception '%', repeat('e', size); end if;
        return 1;
      end $$`);
    // What the operator, or the owner of a dedicated database, may have set.
    await harness.database.query(`alter role ${harness.login.user} set client_min_messages = debug5`);
  });
  afterAll(() => harness.close());

  const count = async (): Promise<number> =>
    Number((await harness.database.query("select count(*)::int as n from alice.led"))[0]?.n);
  /** The code of the answer, and how many rows the table has more. */
  const outcomeOf = async (run: () => Promise<unknown>): Promise<{ code: string; added: number }> => {
    const before = await count();
    const code = await run().then(
      () => "OK",
      (error: unknown) => (error instanceof GatewayError ? (error.details.sqlstate ?? error.code) : String(error)),
    );
    return { code, added: (await count()) - before };
  };

  it("is answered with success, however many NOTICEs come with it", async () => {
    const sql = `insert into led select g from generate_series(1, 1208) g
      where to_tsvector('simple', repeat('a', 3000 + g % 2)) is not null`;
    expect(await outcomeOf(() => harness.run(sql, [], { limits: { maxBytes: 100_000 } }))).toEqual({
      code: "OK",
      added: 1208,
    });
  });

  it.each(["info", "notice", "warning"])("is answered with success behind %s of any size", async (level) => {
    const sql = `insert into led select tell('${level}', 3000) from generate_series(1, 200)`;
    expect(await outcomeOf(() => harness.run(sql, [], { limits: { maxBytes: 2_000 } }))).toEqual({
      code: "OK",
      added: 200,
    });
    const large = `insert into led select tell('${level}', 20000000)`;
    expect(await outcomeOf(() => harness.run(large, [], { limits: { maxBytes: 2_000 } }))).toEqual({
      code: "OK",
      added: 1,
    });
  });

  it("is answered with PostgreSQL's error, however long", async () => {
    for (const size of [10, 30_000, 33_000, 60_000, 70_000, 140_000, 20_000_000])
      expect(
        await outcomeOf(() =>
          harness.run(`insert into led select tell('error', ${size})`, [], { limits: { maxBytes: 2_000 } }),
        ),
      ).toEqual({ code: "P0001", added: 0 });
  });

  it("is never answered with a limit when it was committed, for sizes around every limit", async () => {
    const nearLimit = (limit: number): fc.Arbitrary<number> =>
      fc.integer({ min: Math.max(0, limit - 60), max: limit + 60 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 20, 30, 40, 1_000, 1_023, 1_024, 1_100, 32_768, 70_000),
        fc.constantFrom("info", "notice", "error", "returning", "batch"),
        fc.constantFrom(0, PROTOCOL_BYTES),
        fc.nat(4),
        async (maxBytes, kind, beyond, more) => {
          const [size = 0] = fc.sample(nearLimit(maxBytes + beyond), 1);
          const sql =
            kind === "returning"
              ? `insert into led values (1) returning repeat('x', ${size})`
              : `insert into led select tell('${kind === "batch" ? "info" : kind}', ${size})`;
          const statements = Array.from({ length: kind === "batch" ? more + 2 : 1 }, (): TestStatement => [sql]);
          const { code, added } = await outcomeOf(() =>
            harness.runBatch(statements, { limits: { maxBytes, maxRows: 3 } }),
          );
          expect([code, added]).toEqual(code === "OK" ? ["OK", statements.length] : [code, 0]);
          expect(["OK", "RESULT_TOO_LARGE", "P0001"]).toContain(code);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is undone when its small answer exceeds a tiny limit", async () => {
    expect(await outcomeOf(() => harness.run("insert into led values (1)", [], { limits: { maxBytes: 10 } }))).toEqual({
      code: "RESULT_TOO_LARGE",
      added: 0,
    });
    const batch = Array.from({ length: 200 }, (): TestStatement => ["insert into led values (1)"]);
    expect(await outcomeOf(() => harness.runBatch(batch, { limits: { maxBytes: 3_000 } }))).toEqual({
      code: "RESULT_TOO_LARGE",
      added: 0,
    });
  });

  it("or a read that meets a state that PostgreSQL did not expect is the tenant's own error", async () => {
    await expect(harness.run("select to_tsvector(99999, 'x')")).rejects.toMatchObject({
      code: "DATABASE_ERROR",
      message: "PostgreSQL cannot run this statement: it met a limit or a state that it did not expect",
      details: { sqlstate: "XX000" },
    });
  });
});
