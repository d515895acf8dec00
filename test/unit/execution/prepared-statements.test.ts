import { describe, expect, it } from "vitest";
import { PreparedStatements } from "../../../src/execution/prepared-statements.ts";

describe("PreparedStatements", () => {
  it("finds what it knows under the same key alone", () => {
    const statements = new PreparedStatements();
    const one = statements.findOrAdd("a", "t");
    expect(statements.findOrAdd("a", "t")).toBe(one);
    expect(statements.findOrAdd("b", "t").name).not.toBe(one.name);
  });

  it("names what is to be closed, once", () => {
    const statements = new PreparedStatements();
    const names = Array.from({ length: 1_001 }, (_, index) => statements.findOrAdd(String(index), "t").name);
    expect(statements.takeEvicted()).toEqual([names[0]]);
    expect(statements.takeEvicted()).toEqual([]);
  });

  it("does not keep long texts", () => {
    const statements = new PreparedStatements();
    expect(statements.findOrAdd("x".repeat(10_000), "t").name).toBe("");
    expect(statements.takeEvicted()).toEqual([]);
  });

  it("forgets the statements of one tenant", () => {
    const statements = new PreparedStatements();
    const [mine, theirs] = [statements.findOrAdd("a", "mine"), statements.findOrAdd("b", "theirs")];
    statements.forgetTenant("mine");
    expect(statements.takeEvicted()).toEqual([mine.name]);
    expect(statements.findOrAdd("b", "theirs")).toBe(theirs);
    const again = statements.findOrAdd("a", "mine");
    expect(again.name).not.toBe(mine.name);
    statements.forget("a");
    statements.forgetTenant("mine");
    expect(statements.takeEvicted()).toEqual([again.name]);
  });
});
