import { beforeAll, describe, expect, it } from "vitest";
import { createParser } from "../../../src/sql/parse-statement.ts";
import { withoutReplace } from "../../../src/sql/without-replace.ts";

const parser = createParser();
beforeAll(() => parser.ready());

describe("withoutReplace", () => {
  it.each([
    ["create or replace view v as select 1", "create            view v as select 1"],
    ["CREATE OR\n\tREPLACE RECURSIVE VIEW v (a) AS SELECT 1", "CREATE   \n\t        RECURSIVE VIEW v (a) AS SELECT 1"],
    [
      "-- or replace\ncreate /* or /* replace */ */ Or--\rrEplace view v as select 'or replace'",
      "-- or replace\ncreate /* or /* replace */ */   --\r        view v as select 'or replace'",
    ],
    ["/**/;\f\v create or replace/**/view v as select 1", "/**/;\f\v create           /**/view v as select 1"],
  ])("leaves blanks in the place of the words: %j", (sql, expected) => {
    expect(withoutReplace(sql)).toBe(expected);
    const [before, after] = [parser.parse(sql).tree, parser.parse(expected).tree] as {
      ViewStmt: { replace?: boolean };
    }[];
    expect(before?.ViewStmt.replace).toBe(true);
    expect(after).toEqual({ ViewStmt: { ...before?.ViewStmt, replace: undefined } });
  });

  it.each(["create view v as select 1", "select 1", "", "/* create or replace", "create or view"])(
    "gives nothing for a text that does not begin so: %j",
    (sql) => {
      expect(withoutReplace(sql)).toBeUndefined();
    },
  );
});
