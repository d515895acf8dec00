import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { GatewayError } from "../../../src/errors.ts";
import type { ParsedStatement } from "../../../src/sql/parsed-statement.ts";
import { createParser, type Parser } from "../../../src/sql/parse-statement.ts";

let parser: Parser;

beforeAll(async () => {
  parser = createParser();
  await parser.warmUp();
});

afterAll(() => parser.close());

async function parse(sql: string): Promise<ParsedStatement> {
  return parser.parse(sql);
}

async function refusalOf(sql: string): Promise<GatewayError> {
  return parse(sql).then(
    () => expect.unreachable(`accepted: ${sql.slice(0, 60)}`),
    (error: unknown) => error as GatewayError,
  );
}

const list = (count: number, item: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => item(i)).join();

describe("createParser", () => {
  it.each(["select 1", "select 1;", "select 1 ;; ", "/* a */ select 1 -- b", "SELECT $1::int"])(
    "gives the one statement of %s",
    async (text) => {
      expect(await parse(text)).toMatchObject({ text, tree: { SelectStmt: {} } });
    },
  );

  it("gives the statement of a small text at once when it is warm", () => {
    expect(parser.parse("delete from t")).toMatchObject({ tree: { DeleteStmt: { relation: { relname: "t" } } } });
  });

  it("loads itself at the first text", async () => {
    const cold = createParser();

    const trees = await Promise.all([cold.parse("select 1"), cold.parse("select 2")]);

    expect(trees).toHaveLength(2);
    await cold.close();
  });

  it.each(["", " \n", ";", ";;", "-- nothing", "/* nothing */"])("refuses %j: nothing to run", async (sql) => {
    expect(await refusalOf(sql)).toMatchObject({
      code: "PARSE_ERROR",
      message: "Empty query",
      details: { reason: "EMPTY_QUERY" },
    });
  });

  it.each(["select 1; select 2", "begin; drop table t; commit", "select 1; ; select 2"])(
    "refuses %s: more than one statement",
    async (sql) => {
      expect(await refusalOf(sql)).toMatchObject({
        code: "PARSE_ERROR",
        message: "Multiple statements not allowed",
        details: { reason: "MULTIPLE_STATEMENTS" },
      });
    },
  );

  it.each([
    { sql: "select 1 \0; drop table t", why: "a NUL" },
    { sql: "select '\ud800'", why: "a lone high surrogate" },
    { sql: "select '\udc00 😀'", why: "a lone low surrogate" },
  ])("refuses $why as a request that cannot be sent", async ({ sql }) => {
    expect(await refusalOf(sql)).toMatchObject({ code: "INVALID_REQUEST" });
  });

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
  ])("answers $sql with PostgreSQL's message and position $position", async ({ sql, message, position }) => {
    expect(await refusalOf(sql)).toMatchObject({
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
  ])("turns the byte offset $location of $sql into position $position", async ({ sql, location, position }) => {
    expect((await parse(sql)).positionOf(location)).toBe(position);
  });

  it("limits the bytes of a text, not its characters", async () => {
    const limited = createParser({ maxSqlBytes: 30 });

    expect(await limited.parse("select '😀😀😀😀😀'")).toMatchObject({ tree: { SelectStmt: {} } });
    expect(() => limited.parse("select '😀😀😀😀😀😀'")).toThrow(
      expect.objectContaining({ details: { reason: "TOO_COMPLEX" } }),
    );
    await limited.close();
  });

  it.each([
    { name: "a sum of 300 terms", sql: `select ${"1 + ".repeat(300)}1` },
    { name: "250 concatenations", sql: `select ${"a || ".repeat(250)}b from t` },
    { name: "5,000 numbers in a list", sql: `select * from t where id in (${list(5_000, String)})` },
    {
      name: "1,000 rows of 10 values",
      sql: `insert into t values ${list(1_000, (row) => `(${list(10, (column) => `-${row}.${column}`)})`)}`,
    },
    { name: "1,000 rows of parameters", sql: `insert into t values ${list(1_000, (row) => `($${row + 1})`)}` },
    { name: "deeply nested JSON", sql: `select '${"[".repeat(50_000)}${"]".repeat(50_000)}'::jsonb` },
    { name: "a document of 250 KB", sql: `insert into t values ($$${"<p>text -- /* '</p>".repeat(13_000)}$$)` },
    { name: "a banner of 5,000 characters", sql: `/*${"*".repeat(5_000)}*/ select 1` },
    { name: "40 nested comments", sql: `${"/* ".repeat(40)}${" */".repeat(40)} select 1` },
    { name: "100 nested calls", sql: `select ${"coalesce(".repeat(100)}1${")".repeat(100)}` },
    { name: "200 UNION arms", sql: `select 1${" union all select 1".repeat(200)}` },
  ])("accepts $name", async ({ sql }) => {
    expect(Object.keys((await parse(sql)).tree)).toHaveLength(1);
  });

  it("gives the same tree for a text of any size", async () => {
    const small = await parse("select a, b::int from t where c = $1");
    const large = await parse(`select a, b::int from t where c = $1${" ".repeat(100_000)}`);

    expect(large.tree).toEqual(small.tree);
  });

  it("reports a syntax error in a large text like one in a small text", async () => {
    expect(await refusalOf(`select 'é${"x".repeat(100_000)}' from from`)).toMatchObject({
      message: 'syntax error at or near "from"',
      details: { reason: "SYNTAX_ERROR", position: 100_017 },
    });
  });

  it("refuses what takes longer than the deadline, and goes on with the next text", async () => {
    const hasty = createParser({ deadlineMs: 1 });
    const large = `select ${list(20_000, String)}`;

    await expect(hasty.parse(large)).rejects.toMatchObject({ details: { reason: "TOO_COMPLEX" } });
    await expect(hasty.parse(large)).rejects.toMatchObject({ details: { reason: "TOO_COMPLEX" } });
    expect(await hasty.parse("select 1")).toMatchObject({ text: "select 1" });
    await hasty.close();
  });

  it("parses large texts of two tenants in turn", async () => {
    const text = (name: string) => `select ${list(3_000, String)} as ${name}`;
    const order: string[] = [];
    const note = (name: string, tenant: string) =>
      Promise.resolve(parser.parse(text(name), tenant)).then(() => order.push(name));

    await Promise.all([
      ...["flood1", "flood2", "flood3", "flood4", "flood5"].map((name) => note(name, "hostile")),
      note("honest", "other"),
    ]);

    expect(order.indexOf("honest")).toBeLessThanOrEqual(2);
  });

  it("answers UNAVAILABLE, to be sent again, when a tenant has too many large texts waiting", async () => {
    const text = `select ${list(3_000, String)}`;

    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, async () => parser.parse(text, "hostile")));

    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
    expect(refused).toHaveLength(3);
    expect(refused[0]).toMatchObject({ code: "UNAVAILABLE", retryAfterSeconds: 1 });
  });

  it("answers UNAVAILABLE to what still waits when it is closed", async () => {
    const closing = createParser();
    const waiting = Promise.allSettled([1, 2].map(async () => closing.parse(`select ${list(3_000, String)}`)));

    await closing.close();

    for (const outcome of await waiting) expect(outcome).toMatchObject({ reason: { code: "UNAVAILABLE" } });
  });
});
