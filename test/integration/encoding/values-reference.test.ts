// docs/reference/values.md is held to the truth: each line of its tables is run.

import { readFileSync } from "node:fs";
import type pg from "pg";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeAnswer } from "../../../src/encoding/encode-answer.ts";
import type { ResultSet } from "../../../src/execution/results/result-set.ts";
import { createTestDatabase, hasCluster } from "../../support/cluster.ts";
import { connect, fetchResultSet } from "./fetch-result-set.ts";

function encodeResultSet(result: ResultSet): string {
  return encodeAnswer([result], { isBatch: false, statements: [] }, Number.POSITIVE_INFINITY).toString();
}

const page = readFileSync(new URL("../../../docs/reference/values.md", import.meta.url), "utf8");

const examples = [...page.matchAll(/^\|[^|]+\| `([^|]+)` \| `([^|]+)` \|$/gm)].map(
  ([, expression = "", json = ""]) => ({
    expression,
    json,
  }),
);

for (const version of [18, 15] as const) {
  describe.skipIf(!hasCluster(version))(`docs/reference/values.md on PostgreSQL ${version}`, () => {
    let client: pg.Client;

    beforeAll(async () => {
      const database = await createTestDatabase(version);
      client = await connect(database.connection);
      return async () => {
        await client.end();
        await database.close();
      };
    });

    it("has an example in every line of its tables", () => {
      const lines = page.match(/^\|(?! (?:---|PostgreSQL type) ).*\|$/gm) ?? [];
      expect(lines.length).toBeGreaterThan(30);
      expect(examples).toHaveLength(lines.length);
    });

    it.each(examples)("tells that $expression is $json", async ({ expression, json }) => {
      const result = await fetchResultSet(client, `SELECT ${expression} AS v`);
      expect(encodeResultSet(result)).toBe(`{"rows":[{"v":${json}}],"row_count":1}`);
    });

    it("tells what becomes of a name that occurs twice", async () => {
      const [, sql = "", json = ""] = /`(SELECT 1 AS a[^`]+)` gives `([^`]+)`/.exec(page) ?? [];
      expect(encodeResultSet(await fetchResultSet(client, sql))).toBe(`{"rows":[${json}],"row_count":1}`);
    });

    it("tells what a year after 9999 looks like", async () => {
      const result = await fetchResultSet(client, "SELECT '12026-02-03 04:05:06+00'::timestamptz AS v");
      expect(page).toContain(encodeResultSet(result).slice('{"rows":[{"v":'.length, -'}],"row_count":1}'.length));
    });
  });
}
