import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CutBackends, type CutBackendsOptions } from "../../../../src/execution/pool/cut-backends.ts";
import type { Backend } from "../../../../src/postgres/find-backends.ts";

describe("CutBackends", () => {
  let answers: (readonly Backend[] | Error)[];
  let asked: (readonly number[])[];
  const onFreed = vi.fn();
  const onUnanswered = vi.fn();

  beforeEach(() => {
    vi.useFakeTimers();
    asked = [];
    onFreed.mockClear();
    onUnanswered.mockClear();
  });
  afterEach(() => vi.useRealTimers());

  /** The last answer is given again and again. */
  function start(given: typeof answers, options: Partial<CutBackendsOptions> = {}): CutBackends {
    answers = given;
    return new CutBackends({
      find: (processIds) => {
        asked.push(processIds);
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer ?? []);
      },
      isOpen: () => false,
      onFreed,
      onUnanswered,
      ...options,
    });
  }
  const running = (startedAt: string | null): Backend => ({ processId: 7, startedAt });
  const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

  it("counts a backend from the cut on, before PostgreSQL has answered", () => {
    const cut = start([[]]);
    cut.add(7, "a");
    expect([cut.count, cut.countOf("a"), cut.countOf("b")]).toEqual([1, 1, 0]);
  });

  it("asks at once, and forgets what PostgreSQL does not know", async () => {
    const cut = start([[]]);
    cut.add(7, "a");
    await pass(0);
    expect(cut.count).toBe(0);
    expect(onFreed).toHaveBeenCalledOnce();
    await pass(60_000);
    expect(asked).toEqual([[7]]);
  });

  it("asks about all of them in one question, every two seconds in the end", async () => {
    const cut = start([[running("1"), { processId: 8, startedAt: "1" }]]);
    cut.add(7, "a");
    cut.add(8, "b");
    await pass(10_000);
    expect(cut.count).toBe(2);
    expect(asked.slice(1).every((processIds) => processIds.length === 2)).toBe(true);
    expect(asked.length).toBeLessThan(12);
    expect(onFreed).not.toHaveBeenCalled();
  });

  it("tells a later backend with the pid by its start", async () => {
    const cut = start([[running("1")], [running("2")]]);
    cut.add(7, "a");
    await pass(0);
    expect(cut.count).toBe(1);
    await pass(100);
    expect(cut.count).toBe(0);
  });

  it("takes a backend whose start is hidden for the same", async () => {
    const cut = start([[running(null)]]);
    cut.add(7, "a");
    await pass(60_000);
    expect(cut.count).toBe(1);
  });

  it("knows a pid that one of the pool's own connections has now", async () => {
    const cut = start([[running(null)]], { isOpen: (processId) => processId === 7 });
    cut.add(7, "a");
    await pass(0);
    expect(cut.count).toBe(0);
  });

  it("goes on counting while PostgreSQL cannot be asked, for ten minutes", async () => {
    const cut = start([new Error("no answer")]);
    cut.add(7, "a");
    await pass(9 * 60_000);
    expect(cut.count).toBe(1);
    expect(onUnanswered).toHaveBeenCalled();
    await pass(2 * 60_000);
    expect(cut.count).toBe(0);
  });

  it("counts ten minutes from the last answer, and not from the cut", async () => {
    const cut = start([[running("1")]]);
    cut.add(7, "a");
    await pass(60 * 60_000);
    answers = [new Error("no answer")];
    await pass(9 * 60_000);
    expect(cut.count).toBe(1);
  });

  it("counts nothing where nobody can be asked, and nothing once it is closed", async () => {
    const mute = start([[running("1")]], { find: undefined });
    mute.add(7, "a");
    const closed = start([[running("1")]]);
    closed.add(7, "a");
    closed.close();
    closed.add(8, "a");
    await pass(60_000);
    expect([mute.count, closed.count]).toEqual([0, 0]);
    expect(onFreed).not.toHaveBeenCalled();
  });
});
