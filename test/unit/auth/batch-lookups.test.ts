import { describe, expect, it, vi } from "vitest";
import { batchLookups } from "../../../src/auth/batch-lookups.ts";

const double = (keys: readonly number[]): Map<number, number> =>
  new Map(keys.filter((key) => key >= 0).map((key) => [key, 2 * key]));

describe("batchLookups", () => {
  it("sends the first look-up at once, and those that arrive meanwhile together", async () => {
    const findAll = vi.fn((keys: readonly number[]) => Promise.resolve(double(keys)));
    const find = batchLookups(findAll, () => true);
    expect(await Promise.all([1, 2, 3, -4, 5].map(find))).toEqual([2, 4, 6, undefined, 10]);
    expect(findAll.mock.calls.map(([keys]) => keys)).toEqual([[1], [2], [3, -4, 5]]);
  });

  it("fails only the key that caused the error", async () => {
    const find = batchLookups(
      (keys: readonly number[]) =>
        keys.includes(4) ? Promise.reject(new Error("four")) : Promise.resolve(double(keys)),
      () => true,
    );
    const answers = await Promise.allSettled([1, 2, 3, 4, 5].map(find));
    expect(answers.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
  });

  it("fails every key at once during an outage", async () => {
    const findAll = vi.fn(() => Promise.reject(new Error("down")));
    const find = batchLookups(findAll, () => false);
    const answers = await Promise.allSettled([1, 2, 3, 4, 5].map(find));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(["rejected"]));
    expect(findAll).toHaveBeenCalledTimes(3);
  });

  it("looks up keys that arrive after a failure", async () => {
    const findAll = vi.fn<(keys: readonly number[]) => Promise<Map<number, number>>>();
    const find = batchLookups(
      findAll.mockRejectedValueOnce(new Error("down")).mockResolvedValue(double([1])),
      () => true,
    );
    await expect(find(1)).rejects.toThrow("down");
    await expect(find(1)).resolves.toBe(2);
  });
});
