import { beforeAll, describe, expect, it } from "vitest";

import type { GatewayError } from "../../../src/base/errors.ts";
import { createParser, type Parser } from "../../../src/sql/parse-statement.ts";

let parser: Parser;

beforeAll(async () => {
  parser = createParser();
  await parser.ready();
});

function refusalOf(sql: string): GatewayError {
  try {
    parser.parse(sql);
  } catch (error) {
    return error as GatewayError;
  }
  return expect.unreachable(`accepted: ${sql.slice(0, 60)}`);
}

describe("createParser", () => {
  it.each(["select 1", "select 1;", "select 1 ;; ", "/* a */ select 1 -- b", "SELECT $1::int"])(
    "gives the one statement of %s",
    (text) => {
      expect(parser.parse(text)).toMatchObject({ text, tree: { SelectStmt: {} } });
    },
  );

  it("is not ready before it was loaded", () => {
    expect(createParser().isReady).toBe(false);
  });

  it.each(["", " \n", ";", ";;", "-- nothing", "/* nothing */"])("refuses %j: nothing to run", (sql) => {
    expect(refusalOf(sql)).toMatchObject({
      code: "PARSE_ERROR",
      message: "Empty query",
      details: { reason: "EMPTY_QUERY" },
    });
  });

  it.each(["select 1; select 2", "begin; drop table t; commit", "select 1; ; select 2"])(
    "refuses %s: more than one statement",
    (sql) => {
      expect(refusalOf(sql)).toMatchObject({
        code: "PARSE_ERROR",
        message: "Multiple statements not allowed",
        details: { reason: "MULTIPLE_STATEMENTS" },
      });
    },
  );

  // A server with encoding UTF8 answers these texts with the same messages and positions.
  it.each([
    { sql: "sel", message: 'syntax error at or near "sel"', position: 1 },
    { sql: "select from from", message: 'syntax error at or near "from"', position: 13 },
    { sql: "select 'é' from from", message: 'syntax error at or near "from"', position: 17 },
    { sql: "select '😀' from from", message: 'syntax error at or near "from"', position: 17 },
    { sql: "select é😀 ünd from from", message: 'syntax error at or near "from"', position: 20 },
    { sql: "select 'é😀' +", message: "syntax error at end of input", position: 14 },
    { sql: "select '😀", message: 'unterminated quoted string at or near "\'😀"', position: 8 },
    { sql: "select 1 /* 😀", message: 'unterminated /* comment at or near "/* 😀"', position: 10 },
  ])("answers $sql with PostgreSQL's message and position $position", ({ sql, message, position }) => {
    expect(refusalOf(sql)).toMatchObject({
      code: "PARSE_ERROR",
      message,
      details: { reason: "SYNTAX_ERROR", position },
    });
  });

  it.each([
    { sql: "select x", location: 7, position: 8 },
    { sql: "select 'é' as a, x", location: 18, position: 18 },
    { sql: "select '😀' as a, x", location: 20, position: 18 },
    { sql: "select 1", location: -1, position: undefined },
    { sql: "select 1", location: undefined, position: undefined },
  ])("turns the byte offset $location of $sql into position $position", ({ sql, location, position }) => {
    expect(parser.parse(sql).positionOf(location)).toBe(position);
  });
});
