import { describe, expect, it } from "vitest";
import { PreparedStatements } from "../../../../src/execution/pool/prepared-statements.ts";

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

  it("gives up the one that was not used for longest", () => {
    const statements = new PreparedStatements();
    const names = Array.from({ length: 1_000 }, (_, index) => statements.findOrAdd(String(index), "t").name);
    statements.findOrAdd("0", "t");
    statements.findOrAdd("one more", "t");
    expect(statements.takeEvicted()).toEqual([names[1]]);
  });

  it("gives statements up when their texts are more than 512 Ki characters together", () => {
    const statements = new PreparedStatements();
    const names = Array.from({ length: 65 }, (_, index) => statements.findOrAdd(String(index).padEnd(8_192), "t").name);
    expect(statements.takeEvicted()).toEqual([names[0]]);
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
