import { expect, it } from "vitest";

import { refusal } from "../../../src/base/errors.ts";
import { createVerdictCache } from "../../../src/policy/verdict-cache.ts";

const verdict = { kind: "refused", error: refusal("SYNTAX_ERROR", "no") } as const;

function rememberedOf(texts: readonly string[]): number {
  const cache = createVerdictCache();
  for (const text of texts) cache.remember("tenant", text, verdict);
  return texts.filter((text) => cache.find("tenant", text) !== undefined).length;
}

const distinct = (count: number, suffix = "") =>
  Array.from({ length: count }, (_, index) => `select ${index}${suffix}`);

it("holds 20,000 verdicts, and drops the oldest for the next", () => {
  expect(rememberedOf(distinct(20_000))).toBe(20_000);
  expect(rememberedOf(distinct(20_500))).toBe(20_000);
});

it("holds at most 32 MiB, however few texts these are", () => {
  const remembered = rememberedOf(distinct(1_000, `, '${"x".repeat(20_000)}'`));

  expect(remembered).toBeGreaterThan(790);
  expect(remembered).toBeLessThan(830);
});

it("does not remember a text of more than 64 KiB, which would push other texts out", () => {
  expect(rememberedOf(["select 1", `select '${"x".repeat(33_000)}'`])).toBe(1);
});

it("shares no verdict between the kinds of databases, even if a text looks like a key of the other kind", () => {
  const cache = createVerdictCache();
  cache.remember("tenant", "admin:select 1", verdict);

  expect(cache.find("admin", "select 1")).toBeUndefined();
  expect(cache.find("admin", "admin:select 1")).toBeUndefined();
  expect(cache.find("tenant", "admin:select 1")).toBe(verdict);
});
