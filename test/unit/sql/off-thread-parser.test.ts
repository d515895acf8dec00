import { expect, it, onTestFinished } from "vitest";

import { OffThreadParser } from "../../../src/sql/off-thread-parser.ts";
import { compileParser } from "../../../src/sql/parser-instance.ts";

it("ends a parse that would take minutes at its deadline, and parses the next text", { timeout: 30_000 }, async () => {
  const compiled = compileParser();
  const parser = new OffThreadParser({ compiled: () => compiled, deadlineMs: 2_000 });
  onTestFinished(() => parser.close());
  const endless = parser.parse(`${"/**/".repeat(300_000)}select 1`, "hostile");
  const honest = parser.parse("select 1", "other");

  expect(await endless).toEqual({ kind: "too-complex" });
  expect(await honest).toMatchObject({ kind: "tree" });
});

it("goes on after a tree that has more nodes than may be walked", async () => {
  const compiled = compileParser();
  const parser = new OffThreadParser({ compiled: () => compiled, deadlineMs: 10_000 });
  onTestFinished(() => parser.close());

  expect(await parser.parse(`select 1${"+1".repeat(20_000)}`, "")).toEqual({ kind: "too-complex" });
  expect(await parser.parse("select 1", "")).toMatchObject({ kind: "tree" });
});

it("fails with our own fault, not with the tenant's, when the parser cannot be loaded", async () => {
  const parser = new OffThreadParser({ compiled: () => Promise.reject(new Error("no such file")), deadlineMs: 1_000 });
  onTestFinished(() => parser.close());

  await expect(parser.parse("select 1", "")).rejects.toThrow("no such file");
});
