import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasCluster } from "../../support/cluster.ts";
import { type Harness, startHarness } from "./harness.ts";

describe.each([18, 15] as const)("execute on PostgreSQL %i", (version) => {
  describe.skipIf(!hasCluster(version))("with its cluster", () => {
    let harness: Harness;
    beforeAll(async () => {
      harness = await startHarness(version);
    });
    afterAll(() => harness.close());

    it("runs each kind of statement", async () => {
      const { run } = harness;
      expect(await run("create table notes (id serial primary key, body text)")).toMatchObject({
        fields: [],
        rows: [],
        rowCount: 0,
      });
      expect(await run("insert into notes (body) values ($1), ($2)", ["one", "two"])).toMatchObject({
        rows: [],
        rowCount: 2,
      });
      expect(await run("insert into notes (body) values ($1) returning id, body", ["three"])).toEqual({
        fields: [
          { name: "id", typeOid: 23 },
          { name: "body", typeOid: 25 },
        ],
        rows: [["3", "three"]],
        rowCount: 1,
        userTypes: new Map(),
      });
      expect(await run("select id, body from notes where id = $1", [2])).toMatchObject({
        rows: [["2", "two"]],
        rowCount: 1,
      });
      expect(await run("update notes set body = 'x' where id > 1")).toMatchObject({ rowCount: 2 });
      expect(await run("delete from notes where id = 9")).toMatchObject({ rowCount: 0 });
      expect(await run("select from notes")).toMatchObject({ fields: [], rows: [[], [], []], rowCount: 3 });
    });
  });
});
