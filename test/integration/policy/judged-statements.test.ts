// What the judge makes of a statement, as PostgreSQL runs it: views that are not replaced, plans without parameters, defaults.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ClusterVersion, hasCluster } from "../../support/cluster.ts";
import { startTestGateway, type TestGateway, type TestTenant } from "../../support/gateway.ts";

for (const version of [18, 15] as ClusterVersion[]) {
  describe.skipIf(!hasCluster(version))(`on PostgreSQL ${version}`, () => {
    let gateway: TestGateway;
    let owner: TestTenant;
    let creator: TestTenant;
    beforeAll(async () => {
      gateway = await startTestGateway({ version });
      owner = await gateway.createTenant();
      await owner.rows("create table notes (id serial primary key, body text)");
      await owner.rows("create view shown as select id from notes");
      creator = await owner.withPermissions("SELECT", "CREATE");
    });
    afterAll(() => gateway.close());

    it("CREATE OR REPLACE VIEW without ALTER makes a new view and leaves one that is there as it is", async () => {
      await creator.rows("create or replace view fresh as select 1 as a");
      for (const sql of [
        "create or replace view shown as select id, body from notes",
        "CREATE/**/OR REPLACE VIEW shown AS SELECT 2 AS id",
      ])
        expect((await creator.query(sql)).body).toMatchObject({
          sqlstate: "42P07",
          error: expect.stringContaining('"shown"') as string,
        });
      expect(await owner.rows("select * from shown")).toEqual([]);

      await owner.rows("create or replace view shown as select id, body from notes");
      await owner.rows("insert into notes (body) values ('a')");
      expect(await owner.rows("select * from shown")).toEqual([{ id: 1, body: "a" }]);
    });

    it("positions in errors are those of the text that was sent", async () => {
      const sql = "create or replace view other as select nothing from notes";
      const { body } = await creator.query(sql);
      expect(body).toMatchObject({ sqlstate: "42703", position: sql.indexOf("nothing") + 1 });
    });

    it("EXPLAIN shows the plan of a statement with pg_typeof", async () => {
      expect(JSON.stringify(await owner.rows("explain select pg_typeof(1)"))).toContain("Result");
    });

    it("a default may call nextval for a token that may insert, and setval only with UPDATE", async () => {
      const writer = await owner.withPermissions("CREATE", "INSERT");
      await writer.query("create table numbered (id bigint default nextval('notes_id_seq'))");
      expect((await writer.query("insert into numbered default values")).status).toBe(200);
      expect(
        (await writer.query("create table reset (id bigint default setval('notes_id_seq', 1))")).body,
      ).toMatchObject({
        reason: "OPERATION_NOT_ALLOWED",
        error: "Operation UPDATE is not allowed",
      });
    });
  });
}
