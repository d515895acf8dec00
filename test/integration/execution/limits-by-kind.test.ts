// Each limit on each kind of statement: it is refused as documented, and leaves nothing behind.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../../src/postgres/connect.ts";
import { hasCluster } from "../../support/cluster.ts";
import { type Harness, type RunOptions, startHarness } from "./harness.ts";

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));

/** `rows` gives four rows of a text of 10 bytes; `slow` never ends; `locked` waits for somebody. */
const KINDS = {
  SELECT: {
    rows: "select repeat('x', 10) from generate_series(1, 4)",
    slow: "select pg_sleep(60) from effects right join generate_series(1, 1) on true",
    locked: "select * from held",
  },
  "INSERT … RETURNING": {
    rows: "insert into effects select i from generate_series(1, 4) i returning repeat('x', 10)",
    slow: "insert into effects select 1 from pg_sleep(60) returning id",
    locked: "insert into held select 1 returning id",
  },
  DDL: {
    slow: "create table made as select pg_sleep(60)::text as waited",
    locked: "alter table held add column more int",
  },
  "a data-modifying CTE": {
    rows: "with new as (insert into effects select i from generate_series(1, 4) i returning id) select repeat('x', 10) from new",
    slow: "with new as (insert into effects values (1) returning id) select pg_sleep(60) from new",
    locked: "with new as (insert into effects values (1)) select * from held",
  },
} as const;

const LIMITS = {
  rows: { limits: { maxRows: 3 }, code: "ROW_LIMIT_EXCEEDED" },
  bytes: { limits: { maxBytes: 60 }, code: "RESULT_TOO_LARGE" },
  slow: { limits: { timeoutMs: 100 }, code: "TIMEOUT" },
  locked: { limits: { timeoutMs: 100 }, code: "TIMEOUT" },
} as const satisfies Record<string, RunOptions & { readonly code: string }>;

const CASES = Object.entries(KINDS).flatMap(([kind, texts]) =>
  Object.entries(LIMITS).flatMap(([limit, { limits, code }]) => {
    const text = (texts as Readonly<Record<string, string>>)[limit === "bytes" ? "rows" : limit];
    return text === undefined ? [] : [{ kind, limit, text, limits, code }]; // DDL returns nothing.
  }),
);

describe.each(VERSIONS)("on PostgreSQL %i", (version) => {
  let harness: Harness;
  let hold: Awaited<ReturnType<typeof connect>>;
  beforeAll(async () => {
    harness = await startHarness(version);
    await harness.run("create table effects (id int)");
    await harness.run("create table held (id int)");
    hold = await connect(harness.database.connection);
    await hold.query("begin; lock table alice.held");
  });
  afterEach(() => harness.run("truncate effects"));
  afterAll(async () => {
    await hold.end();
    await harness.close();
  });

  it.each(CASES)("$kind is refused over its limit: $limit", async ({ text, limits, code }) => {
    await expect(harness.run(text, [], { limits })).rejects.toMatchObject({ code });
    const left = await harness.database.query(
      "select (select count(*)::int from alice.effects) as rows, to_regclass('alice.made') as made",
    );
    expect(left).toEqual([{ rows: 0, made: null }]);
    expect((await harness.run("select 1")).rows).toEqual([["1"]]);
  });
});
