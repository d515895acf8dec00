import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLastUsedRecorder } from "../../../src/auth/last-used-recorder.ts";

const clock = { now: () => Date.now() }; // Faked, as the timers are.

describe("createLastUsedRecorder", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("writes many uses of many tokens in one statement, once", async () => {
    const write = vi.fn(() => Promise.resolve());
    const recorder = createLastUsedRecorder({ write, observe: vi.fn(), clock });
    for (let use = 0; use < 100; use++) recorder.record(use % 2 === 0 ? "b" : "a", "pg_00000");
    await vi.advanceTimersByTimeAsync(2_000);
    recorder.record("a", "pg_00000");
    await vi.advanceTimersByTimeAsync(2_000);
    expect(write.mock.calls).toEqual([[["a", "b"]]]);
    await recorder.close();
  });

  it("writes a token that stays in use again within a minute", async () => {
    const write = vi.fn(() => Promise.resolve());
    const recorder = createLastUsedRecorder({ write, observe: vi.fn(), clock });
    for (let second = 0; second < 60; second++) {
      recorder.record("a", "pg_00000");
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(write).toHaveBeenCalledTimes(2);
    await recorder.close();
  });

  it("writes the first use of a token's new secret at once", async () => {
    const write = vi.fn(() => Promise.resolve());
    const recorder = createLastUsedRecorder({ write, observe: vi.fn(), clock });
    recorder.record("a", "pg_00000");
    await vi.advanceTimersByTimeAsync(2_000);
    recorder.record("a", "pg_00001");
    await vi.advanceTimersByTimeAsync(2_000);
    expect(write.mock.calls).toEqual([[["a"]], [["a"]]]);
    await recorder.close();
  });

  it("keeps uses that could not be written, and reports the failure", async () => {
    const write = vi.fn().mockRejectedValueOnce(new Error("down")).mockResolvedValue(undefined);
    const observe = vi.fn();
    const recorder = createLastUsedRecorder({ write, observe, clock });
    recorder.record("a", "pg_00000");
    await vi.advanceTimersByTimeAsync(2_000);
    expect(observe).toHaveBeenCalledWith(expect.objectContaining({ kind: "background-failure" }));
    expect(write).toHaveBeenLastCalledWith(["a"]);
    expect(write).toHaveBeenCalledTimes(2);
    await recorder.close();
  });

  it("reports a lasting failure once a minute, and keeps trying", async () => {
    const write = vi.fn().mockRejectedValue(new Error("read-only"));
    const observe = vi.fn();
    const recorder = createLastUsedRecorder({ write, observe, clock });
    recorder.record("a", "pg_00000");
    await vi.advanceTimersByTimeAsync(60_500);
    expect(write).toHaveBeenCalledTimes(60);
    expect(observe).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(observe).toHaveBeenCalledTimes(2);
    await recorder.close();
  });

  it("writes pending uses when it is closed", async () => {
    const write = vi.fn(() => Promise.resolve());
    const recorder = createLastUsedRecorder({ write, observe: vi.fn(), clock });
    recorder.record("a", "pg_00000");
    await recorder.close();
    expect(write).toHaveBeenCalledWith(["a"]);
  });
});
