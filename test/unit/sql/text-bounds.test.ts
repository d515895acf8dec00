import { expect, it } from "vitest";

import { requireBoundedCost, sizeOfText } from "../../../src/sql/text-bounds.ts";

const tooComplex: unknown = expect.objectContaining({ code: "PARSE_ERROR", details: { reason: "TOO_COMPLEX" } });

it.each([
  { sql: "select 1 \0; drop table t", why: "a NUL" },
  { sql: "select '\ud800'", why: "a lone high surrogate" },
  { sql: "select '\udc00 😀'", why: "a lone low surrogate" },
])("refuses $why as a request that cannot be sent", ({ sql }) => {
  expect(() => sizeOfText(sql)).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
});

it("limits the bytes of a text, not its characters", () => {
  expect(sizeOfText("select '😀😀😀😀😀'", 30)).toBe("small");
  expect(() => sizeOfText("select '😀😀😀😀😀😀'", 30)).toThrow(tooComplex);
});

it.each([
  { name: "2,000 tokens", sql: `select 1${",1".repeat(999)}`, size: "small" },
  { name: "2,002 tokens", sql: `select 1${",1".repeat(1_000)}`, size: "large" },
  { name: "one literal of 65,000 bytes", sql: `select '${"x".repeat(65_000)}'`, size: "small" },
  { name: "one literal of 66,000 bytes", sql: `select '${"x".repeat(66_000)}'`, size: "large" },
  { name: "a run of 300 operators", sql: `select ${"-+".repeat(150)}1`, size: "small" },
  { name: "a run of 600 operators", sql: `select ${"-+".repeat(300)}1`, size: "large" },
])("calls $name $size", ({ sql, size }) => {
  expect(sizeOfText(sql)).toBe(size);
});

it.each([
  { name: "50,002 tokens", sql: `select 1${",1".repeat(25_000)}` },
  { name: "60,000 empty comments", sql: `${"/**/".repeat(60_000)}select 1` },
])("refuses $name", ({ sql }) => {
  expect(sizeOfText(sql)).toBe("large");
  expect(() => requireBoundedCost(sql)).toThrow(tooComplex);
});

it("lets the parser see 24,000 numbers in a list", () => {
  expect(() => requireBoundedCost(`select 1 in (1${",1".repeat(24_000)})`)).not.toThrow();
});
