// Tests PostgreSQL's own walls if DATABASE_URL is a login with CREATEROLE that owns the database, as on managed servers.
// walls-weaknesses.ts lists what the walls cannot hold there.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { WALLS } from "../../src/doctor/walls.ts";
import { lockDown } from "../../src/migration/lockdown.ts";
import { migrate } from "../../src/migration/migrate.ts";
import { connect } from "../../src/postgres/connect.ts";
import { queryAs } from "../integration/migration/support.ts";
import { EVERY_VERSION } from "../support/use-cluster.ts";
import { ESCAPES } from "./walls-escapes.ts";
import { describeWalls } from "./walls-suite.ts";
import { WEAKNESSES } from "./walls-weaknesses.ts";

const TAKE = "select set_config('role', '$victim', true)";

for (const version of EVERY_VERSION)
  describeWalls({
    version,
    install: "createrole",
    modes: ["owner"],
    more: (world) => {
      it("give a login without memberships neither a tenant's role nor a connection to the shared database", async () => {
        const { corpus, fill } = world();
        const { database } = corpus.gateway;
        const solo = `solo_${corpus.names.databaseOid}`;
        await database.query(`create role ${solo} login`);
        await database.query(`create database ${solo} owner ${solo}`);
        const connection = { ...database.connection, user: solo };
        try {
          await expect(queryAs({ ...connection, database: solo }, fill(TAKE))).rejects.toMatchObject({ code: "42501" });
          await expect(queryAs(connection, "select 1")).rejects.toMatchObject({ sqlstate: "42501" });
        } finally {
          await database.query(`drop database ${solo}`);
          await database.query(`drop role ${solo}`);
        }
      });

      it("all hold after a superuser's lock-down, and the weaker login can still migrate", async () => {
        const { corpus, fill, installation, run } = world();
        const { database, operator } = corpus.gateway;
        expect(await run(fill(TAKE), "owner")).not.toMatch(/DATABASE_ERROR/);
        const client = await connect(database.connection);
        await lockDown(client, installation).finally(() => client.end());

        for (const sql of ESCAPES.filter(({ weakness }) => weakness !== undefined).map(({ steps }) => steps[0] ?? ""))
          if (!/^(create|alter)/.test(sql))
            expect([sql, await run(fill(sql), "owner")]).toEqual([sql, expect.stringMatching(/DATABASE_ERROR/)]);
        await database.query("drop function postgate_helpers.describe_table(integer)"); // The test itself made this function.
        expect(await migrate(operator)).toMatchObject({ dangers: [], lockdown: { kind: "locked", beyond: 0 } });
      });
    },
  });

describe("a wall that a weaker installation cannot hold", () => {
  const kinds = WEAKNESSES.filter(({ install }) => install === "createrole").map(({ kind }) => kind);

  it.each(kinds)("is known to doctor and has a row in the documentation: %s", (kind) => {
    expect(WALLS.filter(({ wall }) => wall === kind).map(({ breach }) => breach)).toEqual(["weaker"]);
    const page = readFileSync(new URL("../../docs/explanation/tenant-isolation.md", import.meta.url), "utf8");
    expect(page.split("\n").filter((line) => line.startsWith(`| ${kind} |`))).toEqual([
      expect.stringContaining("the judge alone"),
    ]);
  });
});
