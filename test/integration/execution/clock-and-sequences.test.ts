// What a session could keep from one request to the next besides its settings: times that were read when a statement was parsed,
// and what was drawn from sequences.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasCluster } from "../../support/cluster.ts";
import { EVERY_VERSION, useCluster } from "../../support/use-cluster.ts";
import { type Harness, startHarness } from "./harness.ts";

describe.each(EVERY_VERSION.filter(hasCluster))("on PostgreSQL %i", (version) => {
  useCluster(version);
  let harness: Harness;
  let run: Harness["run"];
  beforeAll(async () => {
    harness = await startHarness(version);
    run = harness.run;
    await run("create type moment as (number int, at timestamptz)");
    await run("create table moments (at timestamptz)");
    await run("create sequence counter");
  });
  afterAll(() => harness.close());

  describe("a literal that means now", () => {
    it.each([
      "select 'now'::timestamptz = now()",
      "select timestamp 'NOW' = localtimestamp",
      "select E'n\\157w'::timestamptz = now()",
      "select U&'n\\006fw'::timestamptz = now()",
      "select ('{now}'::timestamptz[])[1] = now()",
      "select lower('[now,infinity)'::tstzrange) = now()",
      "select ('(1,now)'::moment).at = now()",
      "select '{n\\ow}'::timestamptz[] = array[now()]",
      "select coalesce(null::timestamptz, 'now') = now()",
      "select now() = 'now' and now() > 'today'",
      "select date 'today' = current_date and date 'tomorrow' > 'yesterday'",
    ])("is the time of each request: %s", async (sql) => {
      for (let round = 0; round < 3; round++) expect((await run(sql)).rows).toEqual([["t"]]);
    });

    it("is stored as the time of each request, with parameters beside it", async () => {
      for (let round = 0; round < 3; round++) {
        const insert = "insert into moments select 'now' where $1::int = 1 returning at = now()";
        expect((await run(insert, [1])).rows).toEqual([["t"]]);
      }
      expect((await run("select count(distinct at)::int from moments")).rows).toEqual([["3"]]);
    });
  });

  describe("currval", () => {
    const NOT_YET = { details: { sqlstate: "55000" } };

    it("shows nothing of an earlier request, on the same session", async () => {
      await run("select nextval('counter')");
      await expect(run("select currval('counter')")).rejects.toMatchObject(NOT_YET);
      await run("select setval('counter', 9)", [], { facts: { writes: true } });
      await expect(run("select currval('counter')")).rejects.toMatchObject(NOT_YET);
      await run("create table drawn (id serial)");
      await run("insert into drawn default values");
      await expect(run("select currval('drawn_id_seq')")).rejects.toMatchObject(NOT_YET);
      await expect(run("insert into drawn select currval('drawn_id_seq')")).rejects.toMatchObject(NOT_YET);
    });

    it("shows nothing of an earlier request in a batch", async () => {
      await run("select nextval('counter')");
      await expect(harness.runBatch([["select 1"], ["select currval('counter')"]])).rejects.toMatchObject(NOT_YET);
    });

    it.each(["read committed", "serializable"] as const)(
      "shows what its own %s transaction has drawn",
      async (isolation) => {
        const writes = { writes: true };
        const batch = () =>
          harness.runBatch([["select nextval('counter')", [], writes], ["select currval('counter')"]], {
            transaction: { isolation },
          });
        for (let round = 0; round < 2; round++) {
          const [drawn, shown] = await batch();
          expect(shown?.rows).toEqual(drawn?.rows);
        }
        const [both] = (await run("select nextval('counter'), currval('counter')", [], { facts: writes })).rows;
        expect(both?.[0]).toBe(both?.[1]);
      },
    );

    it("without the judge's notice shows what the same tenant has drawn, and nothing of another tenant's", async () => {
      const unnoticed = { facts: { readsSequences: false } };
      const [[drawn] = []] = (await run("select nextval('counter')")).rows;
      expect((await run("select currval('counter')", [], unnoticed)).rows).toEqual([[drawn]]);
      await harness.database.query(
        "grant usage on schema alice to public; grant all on sequence alice.counter to public",
      );
      await expect(
        run("select currval('alice.counter')", [], { ...unnoticed, session: harness.bob }),
      ).rejects.toMatchObject(NOT_YET);
    });
  });
});
