// A token without SELECT reads no value through the text of an error. Whether an error happens is still told, by its SQLSTATE.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PERMISSIONS, type Permission } from "../../../src/base/permissions.ts";
import { type ClusterVersion, hasCluster } from "../../support/cluster.ts";
import { startTestGateway, type TestGateway, type TestTenant } from "../../support/gateway.ts";

const SECRET = "canary 4711";
const HINT = "The token lacks SELECT, and PostgreSQL's own text may quote stored values.";
const WITHOUT_SELECT = PERMISSIONS.filter((permission): permission is Permission => permission !== "SELECT");

const SCHEMA = [
  "create table notes (id int primary key, secret text, label text unique, positive int check (positive > 0))",
  "create table links (id int primary key references notes deferrable initially deferred)",
  "create table spans (during int4range, exclude using gist (during with &&))",
  "create view labelled as select id, secret, label from notes where label <> 'x' with check option",
  `insert into notes values (2, '${SECRET}', 'a', 1), (3, '${SECRET}', 'b', 1)`,
  "create table papers (secret text)",
  `insert into papers values ('${SECRET}')`,
  "insert into spans values ('[4711,4720)'), ('[1,2)')",
];

interface Theft {
  readonly what: string;
  readonly sql: string;
  readonly sqlstate: string;
  /** Names that the answer keeps. */
  readonly kept: Readonly<Record<string, string>>;
}

const THEFTS: readonly Theft[] = (
  [
    ["a partial index", "create index on notes (id) where (case when id = 2 then secret::int end) = 1", "22P02"],
    ["an index over an expression", "create index on notes ((secret::int))", "22P02"],
    ["a new check constraint", "alter table notes add check (secret::int = 1)", "22P02"],
    ["a new type of a column", "alter table papers alter secret type int using secret::int", "22P02"],
    ["a generated column", "alter table notes add n int generated always as (secret::int) stored", "22P02"],
    ["the condition of a DELETE", "delete from notes where secret::int = 1", "22P02"],
    ["the condition of an UPDATE", "update notes set id = id where secret::int = 1", "22P02"],
    ["the value of an UPDATE", "update notes set positive = secret::int", "22P02"],
    ["a date", "delete from notes where secret::date = now()", "22007"],
    ["a text search query", "delete from notes where to_tsquery('simple', secret || ' x') is null", "42601"],
    ["a text search vector", "delete from notes where ('''' || secret)::tsvector is null", "42601"],
    ["an index over a text search vector", "create index on notes ((('''' || secret)::tsvector))", "42601"],
    ["a path of JSON", "delete from notes where secret::jsonpath is null", "42601"],
    ["a JSON document", "delete from notes where secret::jsonb is null", "22P02"],
    ["a regular expression", "delete from notes where 'a' ~ ('(' || secret)", "2201B"],
    ["a time zone", "delete from notes where now() at time zone secret is null", "22023"],
    ["a unit of time", "delete from notes where date_trunc(secret, now()) is null", "22023"],
    [
      "a unit of time that is none here",
      "delete from notes where date_part(case when id = 2 then 'timezone' end, timestamp '2026-01-01') = 1",
      "0A000",
    ],
    [
      "a row that has no value where one is needed",
      "update notes set id = null",
      "23502",
      { column: "id", table: "notes" },
    ],
    [
      "a row that fails a check",
      "update notes set positive = 0",
      "23514",
      { constraint: "notes_positive_check", table: "notes" },
    ],
    ["a unique constraint", "update notes set label = 'c'", "23505", { constraint: "notes_label_key", table: "notes" }],
    ["a new unique index", "create unique index on notes (secret)", "23505", { table: "notes" }],
    ["an exclusion constraint", "update spans set during = '[1,5000)'", "23P01", { table: "spans" }],
    ["a new exclusion constraint", "alter table notes add exclude (secret with =)", "23P01", { table: "notes" }],
    [
      "a foreign key, at the commit",
      "insert into links values (4711)",
      "23503",
      { constraint: "links_id_fkey", table: "links" },
    ],
    ["a view with a check option", "update labelled set label = 'x' where id = 2", "44000"],
    ["a check that stored rows fail", "alter table notes add check (secret = 'x')", "23514", { table: "notes" }],
  ] as [string, string, string, Record<string, string>?][]
).map(([what, sql, sqlstate, kept = {}]) => ({ what, sql, sqlstate, kept }));

for (const version of [18, 15] as ClusterVersion[]) {
  describe.skipIf(!hasCluster(version))(`an error that a token without SELECT gets from PostgreSQL ${version}`, () => {
    let gateway: TestGateway;
    let owner: TestTenant;
    let blind: TestTenant;
    beforeAll(async () => {
      gateway = await startTestGateway({ version });
      owner = await gateway.createTenant();
      for (const sql of SCHEMA) await owner.rows(sql);
      blind = await owner.withPermissions(...WITHOUT_SELECT);
    });
    afterAll(() => gateway.close());

    it.each(THEFTS)("does not quote what is stored: $what", async ({ sql, sqlstate, kept }) => {
      const { status, text, body } = await blind.query(sql);

      expect(status).toBe(500);
      expect(text).not.toContain("4711");
      expect(text).not.toContain("canary");
      expect(body).toMatchObject({ code: "DATABASE_ERROR", sqlstate, hint: HINT, ...kept });
      expect(body.detail).toBeUndefined();
      // Nothing stops the attack but what is told: with SELECT the answer is PostgreSQL's own.
      const { body: whole } = await owner.query(sql);
      expect(whole).toMatchObject({ code: "DATABASE_ERROR", sqlstate });
      expect(whole.error).not.toBe(body.error);
    });

    it("does not quote it in a batch, which names the statement", async () => {
      const response = await fetch(`${gateway.url}/query`, {
        method: "POST",
        headers: { authorization: `Bearer ${blind.token}`, "content-type": "application/json" },
        body: JSON.stringify({
          statements: [{ sql: "update notes set positive = 2" }, { sql: "delete from notes where secret::int = 1" }],
        }),
      });
      const text = await response.text();

      expect(text).not.toContain("canary");
      expect(JSON.parse(text)).toMatchObject({ sqlstate: "22P02", statement: 1, hint: HINT });
    });

    it.each([
      ["a parameter that is no number", "insert into notes (id) values ($1)", ["many"], "22P02", /"many"/],
      ["a literal that is no number", "insert into notes (id) values ('many')", [], "22P02", /"many"/],
      ["a table that is missing", "delete from nowhere", [], "42P01", /"nowhere"/],
      ["a column that is missing", "update notes set nothing = 1", [], "42703", /"nothing"/],
      ["a table that is there already", "create table notes (id int)", [], "42P07", /"notes"/],
      ["an object that others need", "drop table notes", [], "2BP01", /cannot drop table notes/],
    ])("is PostgreSQL's own where it is about the caller's text: %s", async (_what, sql, params, sqlstate, message) => {
      const { body } = await blind.query(sql, params);

      expect(body).toMatchObject({ sqlstate, error: expect.stringMatching(message) as string });
    });
  });
}
