import { describe, expect, it } from "vitest";
import { createTestDatabase, hasCluster } from "../../support/cluster.ts";
import { EVERY_VERSION, useCluster } from "../../support/use-cluster.ts";

describe.each(EVERY_VERSION)("the test cluster of PostgreSQL %i", (version) => {
  describe.skipIf(!hasCluster(version))("(where it is installed)", () => {
    useCluster(version);

    it("creates empty databases that do not see each other and are gone after close", async () => {
      const [one, other] = await Promise.all([createTestDatabase(version), createTestDatabase(version)]);
      await one.query("create table notes (body text)");
      await one.query("insert into notes values ($1)", ["hello"]);

      expect(
        await one.query("select body, current_setting('server_version_num')::int / 10000 as major from notes"),
      ).toEqual([{ body: "hello", major: version }]);
      await expect(other.query("select * from notes")).rejects.toMatchObject({ code: "42P01" });

      await one.close();
      expect(await other.query("select 1 from pg_database where datname = $1", [one.connection.database])).toEqual([]);
      await other.close();
    });
  });
});
