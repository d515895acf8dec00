import { expect, it } from "vitest";
import { Slices, type SlicedWork } from "../../../src/base/slices.ts";

/** Work of so many slices, which notes each of them. */
function work(name: string, slices: number, log: string[]): SlicedWork {
  let left = slices;
  return {
    advance: () => {
      log.push(name);
      // Long enough that each turn has room for one slice.
      for (const end = performance.now() + 4; performance.now() < end;) continue;
      left -= 1;
      return left === 0;
    },
  };
}

it("serves the lanes in turn, so that a tenant's work waits for its own alone", async () => {
  const slices = new Slices();
  const log: string[] = [];
  await Promise.all([
    ...["a1", "a2", "a3"].map((name) => slices.run("a", work(name, 2, log))),
    slices.run("b", work("b", 2, log)),
  ]);
  expect(log.indexOf("b")).toBe(1);
  expect(log.lastIndexOf("b")).toBe(3);
  expect(log.filter((name) => name !== "b")).toEqual(["a1", "a2", "a3", "a1", "a2", "a3"]);
});

it("lets everything else have its turn between slices", async () => {
  const log: string[] = [];
  const running = new Slices().run("a", work("slice", 3, log));
  let isOver = false;
  const others = (): void => {
    if (isOver) return;
    log.push("other");
    setImmediate(others);
  };
  setImmediate(others);
  await running;
  isOver = true;
  expect(log.slice(0, 5)).toEqual(["slice", "other", "slice", "other", "slice"]);
});

it("hands on what the work throws, and goes on with the rest", async () => {
  const slices = new Slices();
  const log: string[] = [];
  const failing = slices.run("a", {
    advance: () => {
      throw new Error("no JSON");
    },
  });
  await Promise.all([expect(failing).rejects.toThrow("no JSON"), slices.run("a", work("next", 1, log))]);
  expect(log).toEqual(["next"]);
});
