import { describe, expect, it } from "vitest";
import { type Entry, LinkedList } from "../../../../src/execution/pool/linked-list.ts";

/** Of these members, with the place of `leaving`. */
function listOf(members: readonly string[], leaving: string): { list: LinkedList<string>; place: Entry<string> } {
  const list = new LinkedList<string>();
  const places = new Map(members.map((member) => [member, list.add(member)]));
  const place = places.get(leaving);
  if (place === undefined) throw new Error(`${leaving} is no member`);
  return { list, place };
}

const membersOf = (list: LinkedList<string>): readonly string[] => list.entries().map(({ member }) => member);

describe("LinkedList", () => {
  it.each([
    ["the first", "a", ["b", "c"]],
    ["one in the middle", "b", ["a", "c"]],
    ["the last", "c", ["a", "b"]],
  ])("loses %s and keeps the others in their order", (_, leaving, left) => {
    const { list, place } = listOf(["a", "b", "c"], leaving);
    expect(list.delete(place)).toBe(true);
    expect([membersOf(list), list.first, list.last, list.size]).toEqual([left, left[0], left[1], 2]);
    list.add("d");
    expect(membersOf(list)).toEqual([...left, "d"]);
  });

  it("loses a member once", () => {
    const { list, place } = listOf(["a", "b"], "a");
    expect([list.delete(place), list.delete(place), list.size]).toEqual([true, false, 1]);
  });

  it("is empty when all have left, and can be used again", () => {
    const list = new LinkedList<string>();
    for (const place of [list.add("a"), list.add("b")]) list.delete(place);
    expect([list.first, list.last, list.size]).toEqual([undefined, undefined, 0]);
    list.add("c");
    expect(membersOf(list)).toEqual(["c"]);
  });

  it("leaves nothing in a deleted place that keeps others in memory", () => {
    const { list, place } = listOf(["a", "b", "c"], "b");
    list.delete(place);
    expect(place).toEqual({ member: "b", before: undefined, after: undefined, isListed: false });
  });
});
