import { describe, expect, it } from "vitest";
import { judgeSql } from "./judge-sql.ts";

describe("the judge's search for surrounding nodes", () => {
  it("finds a CTE around thousands of joins, and knows a table of another name from it", async () => {
    const joins = " NATURAL JOIN c".repeat(2_000);
    expect((await judgeSql(`WITH c AS (SELECT 1) SELECT FROM c${joins} NATURAL JOIN t`)).tables).toEqual(["t"]);
  });

  it.each([
    ["WITH a AS (TABLE b), b AS (TABLE a) SELECT FROM a, b", ["b"]],
    ["WITH RECURSIVE a AS (TABLE b), b AS (TABLE a) SELECT FROM a, b", []],
    ["WITH a AS (WITH b AS (SELECT 1) SELECT FROM a, b) SELECT FROM a, b", ["a", "b"]],
    ["SELECT (WITH a AS (SELECT 1) SELECT 1 FROM a) FROM a", ["a"]],
    ["WITH a AS (SELECT 1) DELETE FROM a USING a AS b WHERE EXISTS (TABLE a)", ["a"]],
    ["WITH a AS (WITH RECURSIVE b AS (TABLE a UNION TABLE b) TABLE b) TABLE a", ["a"]],
  ])("finds that %s reads the tables %j", async (sql, tables) => {
    expect((await judgeSql(sql)).tables).toEqual(tables);
  });

  it("finds whether nextval is in a default, the only place where it needs neither INSERT nor UPDATE", async () => {
    const needs = async (sql: string) => (await judgeSql(sql)).needsInsertOrUpdate;
    expect(await needs(`CREATE TABLE t (a int DEFAULT nextval('s')${" + nextval('s')".repeat(300)})`)).toBe(false);
    expect(await needs("CREATE TABLE t (a int CHECK (nextval('s') > 0), b int DEFAULT nextval('s'))")).toBe(true);
    expect(await needs("ALTER DOMAIN d SET DEFAULT nextval('s')")).toBe(false);
    expect(await needs("ALTER DOMAIN d ADD CHECK (nextval('s') > value)")).toBe(true);
    expect(await needs("ALTER TABLE t ALTER a TYPE int USING nextval('s')")).toBe(true);
  });
});
