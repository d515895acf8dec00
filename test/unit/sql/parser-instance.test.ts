import { expect, it } from "vitest";

import { compileParser, createParserInstance } from "../../../src/sql/parser-instance.ts";

/** Overflows the main thread's stack, which createParser never lets happen. */
const OVERFLOW = `select 1${"+1".repeat(20_000)}`;

it(
  "replaces its instance after each stack overflow, so that the sixtieth does what the first did",
  { timeout: 60_000 },
  async () => {
    const compiled = compileParser();
    const parser = createParserInstance(() => compiled);
    await parser.ready();
    const expected = parser.parse("select a, b from t where c = $1");

    for (let attack = 0; attack < 60; attack += 1) {
      expect(parser.parse(OVERFLOW)).toEqual({ kind: "too-complex" });
      expect(parser.isReady).toBe(false);
      await parser.ready();
      expect(parser.parse("select a, b from t where c = $1")).toEqual(expected);
    }
  },
);

it("keeps its instance after a syntax error", async () => {
  const parser = createParserInstance(compileParser);
  await parser.ready();

  expect(parser.parse("select from from")).toMatchObject({ kind: "syntax-error" });
  expect(parser.isReady).toBe(true);
});

it("calls nesting that fills the grammar's own stack too complex, not a syntax error", async () => {
  const parser = createParserInstance(compileParser);
  await parser.ready();

  expect(parser.parse(`select ${"(".repeat(20_000)}`)).toEqual({ kind: "too-complex" });
  expect(parser.isReady).toBe(true);
});

it("leaks nothing on either path", { timeout: 60_000 }, async () => {
  const parser = createParserInstance(compileParser);
  await parser.ready();
  const round = () => {
    for (let count = 0; count < 500; count += 1) {
      parser.parse(`select '${"x".repeat(20_000)}' from from`);
      parser.parse(`select '${"x".repeat(20_000)}'`);
    }
  };
  round();
  const before = process.memoryUsage().rss;

  for (let rounds = 0; rounds < 8; rounds += 1) round();

  // A text and its tree or message are 40 KB: a leak of one of them alone would be 80 MB and more.
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
});
