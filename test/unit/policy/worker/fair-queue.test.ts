import { describe, expect, it } from "vitest";

import { FairQueue } from "../../../../src/policy/worker/fair-queue.ts";

function drain(queue: FairQueue<string>): string[] {
  const taken: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item);
  return taken;
}

describe("FairQueue", () => {
  it("serves lanes in turn, and the items of a lane in order", () => {
    const queue = new FairQueue<string>({ perLane: 9, total: 9 });
    for (const item of ["a1", "a2", "a3", "b1", "c1", "b2"]) queue.add(item.charAt(0), item);

    expect(drain(queue)).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  });

  it("refuses an item for a full lane while other lanes have room", () => {
    const queue = new FairQueue<string>({ perLane: 2, total: 9 });

    expect(["a1", "a2", "a3", "b1"].map((item) => queue.add(item.charAt(0), item))).toEqual([
      ...["added", "added", "lane-full", "added"],
    ]);
    expect(drain(queue)).toEqual(["a1", "b1", "a2"]);
  });

  it("refuses an item beyond its total until an item is taken", () => {
    const queue = new FairQueue<string>({ perLane: 9, total: 2 });
    queue.add("a", "a1");
    queue.add("b", "b1");

    expect(queue.add("c", "c1")).toBe("queue-full");
    queue.take();
    expect(queue.add("c", "c1")).toBe("added");
  });
});
