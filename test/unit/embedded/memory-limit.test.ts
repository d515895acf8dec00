import { describe, expect, it } from "vitest";
import { defaultMemoryMb, maintenanceMemoryMb } from "../../../src/embedded/memory-limit.ts";

const GB = 1024 ** 3;

describe("the default memory limit of one process", () => {
  it.each([
    { machine: 1 * GB, limit: 64 },
    { machine: 2 * GB, limit: 128 },
    { machine: 8 * GB, limit: 512 },
    { machine: 15.6 * GB, limit: 998 },
    { machine: 16 * GB, limit: 1_024 },
    { machine: 512 * GB, limit: 1_024 },
  ])("is $limit MB on a machine of $machine bytes, of which eight are at most the half", ({ machine, limit }) => {
    expect(defaultMemoryMb(machine)).toBe(limit);
    expect(8 * limit * 1024 ** 2).toBeLessThanOrEqual(machine / 2);
  });

  it("is no less than PostgreSQL's own processes need", () => {
    expect(defaultMemoryMb(GB / 4)).toBe(64);
  });

  it("comes from this machine, or from the limit of the container", () => {
    expect(defaultMemoryMb()).toBeGreaterThanOrEqual(64);
    expect(defaultMemoryMb()).toBeLessThanOrEqual(1_024);
  });
});

describe("the memory of vacuum and index builds", () => {
  it.each([
    { limit: 64, part: 16 },
    { limit: 128, part: 32 },
    { limit: 1_024, part: 64 },
  ])("is $part MB of $limit MB", ({ limit, part }) => {
    expect(maintenanceMemoryMb(limit)).toBe(part);
  });
});
