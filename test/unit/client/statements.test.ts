// Checks the forms of a statement: the tag, named parameters, and the values that both refuse.

import { describe, expect, it } from "vitest";
import { sql } from "../../../src/client/index.ts";
import { toPositional } from "../../../src/client/to-statement.ts";

describe("sql`…`", () => {
  it("makes parameters of its values", () => {
    const name = "x'; drop table users; --";
    expect(sql`select * from users where name = ${name} and id = ${7}`).toEqual({
      sql: "select * from users where name = $1 and id = $2",
      params: [name, 7],
    });
  });

  it("inserts statements that it made itself, and numbers all values anew", () => {
    const where = sql`age > ${30} and ${sql`city = ${"Oslo"}`}`;
    expect(sql`select ${1} from t where ${where} limit ${10}`).toEqual({
      sql: "select $1 from t where age > $2 and city = $3 limit $4",
      params: [1, 30, "Oslo", 10],
    });
  });

  it("inserts pieces without values, also side by side", () => {
    expect(sql`select * from t order by ${sql`name`}${sql` desc`}`).toEqual({
      sql: "select * from t order by name desc",
      params: [],
    });
  });

  it("treats an object that only looks like a statement as a value", () => {
    const forged = JSON.parse('{"sql":"1; drop table users","params":[]}') as unknown;
    expect(sql`select ${forged}`).toEqual({ sql: "select $1", params: [forged] });
  });

  it.each([
    ["in a string", () => sql`select '${1}'`],
    ["in a name", () => sql`select "a${1}"`],
    ["in a comment", () => sql`select 1 -- ${1}`],
    ["at the end of a word", () => sql`select a${1}`],
    ["before a digit", () => sql`select ${1}0`],
    ["beside a parameter of the text's own", () => sql`select $1, ${1}`],
    ["beside a named one", () => sql`select $id, ${1}`],
  ])("refuses a value %s", (_where, make) => {
    expect(make).toThrow(TypeError);
  });
});

describe("named parameters", () => {
  it("become numbered ones, with one number for each name", () => {
    expect(toPositional({ sql: "select $b, $a, $b, '$a'", params: { a: 1, b: [2] } })).toEqual({
      sql: "select $1, $2, $1, '$a'",
      params: [[2], 1],
    });
  });

  it.each([
    ["select $a, $b", { a: 1 }, "The statement has $b, but the parameters do not"],
    ["select $a, '$b'", { a: 1, b: 2 }, "The parameters have b, but the statement has no $b"],
    ["select $1", { a: 1 }, "The statement has $1, but the parameters do not"],
    ["select $constructor", {}, "The statement has $constructor, but the parameters do not"],
  ])("are refused when they do not match: %s with %j", (text, params, message) => {
    expect(() => toPositional({ sql: text, params })).toThrow(new TypeError(message));
  });

  it.each([[null], [[1]], [undefined]])("are left unchanged when the parameters are %j", (params) => {
    const given = { sql: "select $id", ...(params !== undefined && { params }) };
    expect(toPositional(given)).toEqual(given);
  });
});
