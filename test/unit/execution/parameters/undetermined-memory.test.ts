import { describe, expect, it } from "vitest";
import { createUndeterminedMemory } from "../../../../src/execution/parameters/undetermined-memory.ts";

describe("what is remembered of parameters", () => {
  it("is found again", () => {
    const memory = createUndeterminedMemory();
    memory.set("t select $1 is null", [0]);
    expect(memory.get("t select $1 is null")).toEqual([0]);
  });

  it.each([
    { name: "a long text", text: "x".repeat(200_000), parameters: [0] },
    { name: "very many parameters", text: "x", parameters: Array.from({ length: 60_000 }, (_, at) => at) },
  ])("is nothing of $name, which a tenant could send by the thousand", ({ text, parameters }) => {
    const memory = createUndeterminedMemory();
    memory.set(text, parameters);
    expect(memory.get(text)).toBeUndefined();
  });

  it("is bounded in characters", () => {
    const memory = createUndeterminedMemory();
    const texts = Array.from({ length: 1_000 }, (_, at) => `${at} ${"x".repeat(30_000)}`);
    for (const text of texts) memory.set(text, [0]);
    expect(texts.filter((text) => memory.get(text) !== undefined).length).toBeLessThan(300);
    expect(memory.get(texts.at(-1) ?? "")).toEqual([0]);
  });
});
