import { describe, expect, it } from "vitest";
import { type Waiter, WaitingTenants } from "../../../../src/execution/pool/waiting-tenants.ts";

const anybody = () => 1;

function enqueue(...tenants: string[]) {
  const waiting = new WaitingTenants();
  const places = tenants.map((tenant) => {
    const waiter: Waiter = { tenant, sessionKey: tenant, resolve: () => undefined, reject: () => undefined };
    return waiting.add(waiter);
  });
  const takeNext = (allowance: (tenant: string) => number = anybody): string | undefined => {
    const next = waiting.nextInTurn(allowance);
    const place = places.find(({ member, isListed }) => member === next && isListed);
    if (place !== undefined) waiting.remove(place);
    return next?.tenant;
  };
  return { waiting, places, takeNext };
}

describe("WaitingTenants", () => {
  it("serves tenants in turn, each in the order of its requests", () => {
    const { takeNext, waiting } = enqueue("a", "a", "a", "b", "c");
    const served = Array.from({ length: 6 }, () => takeNext());
    expect(served).toEqual(["a", "b", "c", "a", "a", undefined]);
    expect(waiting.count).toBe(0);
  });

  it("passes over who may hold no more", () => {
    const { takeNext } = enqueue("a", "b");
    expect(takeNext((tenant) => (tenant === "a" ? 0 : 1))).toBe("b");
    expect(takeNext((tenant) => (tenant === "a" ? 0 : 1))).toBeUndefined();
  });

  it("keeps who is next until it is removed", () => {
    const { waiting } = enqueue("a");
    expect([waiting.nextInTurn(anybody)?.tenant, waiting.nextInTurn(anybody)?.tenant, waiting.count]).toEqual([
      "a",
      "a",
      1,
    ]);
  });

  it("counts each once, however often it is removed", () => {
    const { waiting, places } = enqueue("a", "a");
    const [first] = places;
    for (const place of [first, first]) if (place !== undefined) waiting.remove(place);
    expect([waiting.count, waiting.countOf("a")]).toEqual([1, 1]);
  });

  it("hands all over, and they are gone", () => {
    const { waiting, places } = enqueue("a", "b", "a");
    expect(waiting.takeAll()).toHaveLength(3);
    for (const place of places) waiting.remove(place);
    expect([waiting.count, waiting.countOf("a"), waiting.nextInTurn(anybody)]).toEqual([0, 0, undefined]);
  });
});
