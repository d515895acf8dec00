import { describe, expect, it } from "vitest";

import { estimateCost } from "../../../src/sql/text-cost.ts";

const UNBOUNDED = { tokens: Infinity, operatorSteps: Infinity };

describe("estimateCost", () => {
  it.each([
    { sql: "", tokens: 0 },
    { sql: " \n\t", tokens: 0 },
    { sql: "select a, 1.5e-3 from t;", tokens: 7 },
    { sql: "select $1", tokens: 2 },
    { sql: "-- a b c\nselect 1 -- d e", tokens: 2 },
    { sql: "/* a b */ select /* c /* d */ e */ 1", tokens: 2 },
    { sql: "/* never closed", tokens: 0 },
    { sql: "select '-- /* \" $$'", tokens: 2 },
    { sql: "select 'it''s'", tokens: 3 },
    { sql: "select 'back\\' , 1", tokens: 4 },
    { sql: "select E'a\\' b c'", tokens: 2 },
    { sql: "select e'a\\\\' , 1", tokens: 4 },
    { sql: "select e'never closed \\", tokens: 2 },
    { sql: 'select "a b" from "c ""d"""', tokens: 6 },
    { sql: "select $$a 'b' c$$", tokens: 2 },
    { sql: "select $tag$ a $$ b $tag$ c", tokens: 3 },
    { sql: "select $tag$ never closed", tokens: 2 },
    { sql: "select a$b$c", tokens: 2 },
    { sql: "select naïve_élan, 用户 from t", tokens: 6 },
    { sql: "select namee'x y'", tokens: 3 },
  ])("counts $tokens tokens in $sql", ({ sql, tokens }) => {
    expect(estimateCost(sql, UNBOUNDED).tokens).toBe(tokens);
  });

  it.each([
    { name: "a lone operator", sql: "1+1", operatorSteps: 1 },
    { name: "operators of many characters, once for each", sql: "a->>b", operatorSteps: 6 },
    { name: "a run of signs, as its square", sql: `select ${"-+".repeat(50)}1`, operatorSteps: 5_050 },
    { name: "empty comments in a row, as their square", sql: `${"/**/".repeat(100)}1`, operatorSteps: 20_200 },
    { name: "comments inside a comment, as their square", sql: `${"/*".repeat(100)} `, operatorSteps: 10_100 },
    { name: "a banner of a comment, once", sql: `/*${"=".repeat(98)}*/`, operatorSteps: 102 },
    { name: "a line of dashes, never", sql: `${"-".repeat(1_000)}\nselect 1`, operatorSteps: 0 },
    { name: "nothing inside strings", sql: `select '${"-+".repeat(50)}'`, operatorSteps: 0 },
  ])("counts the steps of $name", ({ sql, operatorSteps }) => {
    expect(estimateCost(sql, UNBOUNDED).operatorSteps).toBe(operatorSteps);
  });

  it("stops at the first bound that is exceeded", () => {
    expect(estimateCost("a ".repeat(1_000), { tokens: 10, operatorSteps: 10 }).tokens).toBe(11);
  });
});
