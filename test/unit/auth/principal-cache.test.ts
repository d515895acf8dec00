import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cachePrincipals, type FoundPrincipal, type PrincipalCacheOptions } from "../../../src/auth/principal-cache.ts";
import type { Principal } from "../../../src/auth/principal.ts";
import type { FindRightsChanges, RightsChanges } from "../../../src/auth/rights-changes.ts";
import type { TokenHash } from "../../../src/auth/token.ts";
import type { DatabaseId } from "../../../src/tenants/tenant.ts";

const hash = "a".repeat(64) as TokenHash;
const clock = { now: () => Date.now() }; // Faked, as the timers are.
const principal = { tokenId: "1", tenant: { id: "one" } } as Principal;
const found: FoundPrincipal = { principal, expiresInMs: Infinity, server: "primary" };

const cache = (load: PrincipalCacheOptions["load"], findChanges?: FindRightsChanges) =>
  cachePrincipals({ load, findChanges, clock });

describe("cachePrincipals", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("sends one look-up for requests that come together", async () => {
    const load = vi.fn(() => Promise.resolve(found));
    const { load: cached } = cache(load);
    await expect(Promise.all([cached(hash), cached(hash), cached(hash)])).resolves.toEqual(Array(3).fill(principal));
    expect(load).toHaveBeenCalledTimes(1);
  });

  it("uses the answer of a look-up for 500 ms, and looks up again after 600 ms", async () => {
    const load = vi.fn(() => Promise.resolve<FoundPrincipal | undefined>(found));
    const { load: cached } = cache(load);
    await cached(hash);
    vi.advanceTimersByTime(400);
    await cached(hash);
    expect(load).toHaveBeenCalledTimes(1);
    load.mockResolvedValue(undefined);
    vi.advanceTimersByTime(200);
    await expect(cached(hash)).resolves.toBeUndefined();
  });

  it("counts the age of an answer from the start of the look-up", async () => {
    const load = vi.fn(async () => {
      await vi.advanceTimersByTimeAsync(600);
      return found;
    });
    const { load: cached } = cache(load);
    await cached(hash);
    await cached(hash);
    expect(load).toHaveBeenCalledTimes(2);
  });

  it("looks up a known token during a flood of unknown tokens, and refuses unknown tokens beyond 500 at a time", async () => {
    const flood = new AbortController();
    const load = vi.fn(async (asked: TokenHash) => {
      if (asked === hash) return found;
      if (!flood.signal.aborted) await once(flood.signal, "abort");
      return undefined;
    });
    const { load: cached } = cache(load);
    await cached(hash);
    vi.advanceTimersByTime(600);
    const strangers = Array.from({ length: 600 }, (_, n) =>
      Promise.resolve(cached(`${n}` as TokenHash)).catch((error: unknown) => error),
    );
    await expect(cached(hash)).resolves.toBe(principal);
    flood.abort();
    const refused = (await Promise.all(strangers)).filter((answer) => answer !== undefined);
    expect(refused).toHaveLength(100);
    expect(refused[0]).toMatchObject({ code: "UNAVAILABLE" });
    await expect(cached("again" as TokenHash)).resolves.toBeUndefined();
  });

  it("remembers neither a failed look-up nor an unknown token", async () => {
    const load = vi
      .fn<() => Promise<FoundPrincipal | undefined>>()
      .mockRejectedValueOnce(new Error("no connection"))
      .mockResolvedValueOnce(undefined)
      .mockResolvedValueOnce(found);
    const { load: cached } = cache(load);
    await expect(cached(hash)).rejects.toThrow("no connection");
    await expect(cached(hash)).resolves.toBeUndefined();
    await expect(cached(hash)).resolves.toBe(principal);
  });
});

describe("cachePrincipals, where changes are recorded", () => {
  const changes = (...databases: string[]): RightsChanges => ({
    server: "primary",
    databases: new Set(databases as DatabaseId[]),
  });
  const nothing = changes();
  const load = vi.fn(() => Promise.resolve<FoundPrincipal | undefined>(found));
  const findChanges = vi.fn<FindRightsChanges>(() => Promise.resolve(nothing));
  let find: ReturnType<typeof cachePrincipals>["load"];

  beforeEach(async () => {
    vi.useFakeTimers();
    load.mockClear().mockResolvedValue(found);
    findChanges.mockReset().mockResolvedValueOnce(undefined).mockResolvedValue(nothing);
    ({ load: find } = cache(load, findChanges));
    await Promise.all([find(hash), find(hash)]); // The first question has no answer yet: the next look-up is covered.
    await vi.advanceTimersByTimeAsync(600);
    await find(hash);
    load.mockClear();
    findChanges.mockClear();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Uses the token every 100 ms. */
  async function use(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      await vi.advanceTimersByTimeAsync(100);
      await find(hash);
    }
  }

  it("asks for changes in place of the token, as long as the token is used and has not changed", async () => {
    await use(10_000);
    expect(load).not.toHaveBeenCalled();
    expect(findChanges.mock.calls.length).toBeLessThanOrEqual(40);
    findChanges.mockClear();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(findChanges).not.toHaveBeenCalled();
  });

  it("returns a fresh principal at once, and starts the next revalidation after 250 ms", async () => {
    await vi.advanceTimersByTimeAsync(300);
    expect(find(hash)).toBe(principal);
    expect(findChanges).toHaveBeenCalledTimes(1);
  });

  it("waits for the revalidation when the last one is over 500 ms old", async () => {
    await vi.advanceTimersByTimeAsync(2_000);
    const answer = find(hash);
    expect(answer).toBeInstanceOf(Promise);
    await expect(answer).resolves.toBe(principal);
    expect(load).not.toHaveBeenCalled();
  });

  it("looks the token up again only when its own database has changed", async () => {
    findChanges.mockResolvedValueOnce(changes("other"));
    await use(400);
    expect(load).not.toHaveBeenCalled();
    findChanges.mockResolvedValueOnce(changes("one"));
    load.mockResolvedValue(undefined);
    await vi.advanceTimersByTimeAsync(2_000);
    await expect(find(hash)).resolves.toBeUndefined();
  });

  it.each([
    ["it is unknown what has changed", () => Promise.resolve(undefined)],
    ["the question cannot be asked", () => Promise.reject(new Error("no connection"))],
  ])("looks every token up again when %s", async (_, answer) => {
    findChanges.mockImplementationOnce(answer);
    await vi.advanceTimersByTimeAsync(300);
    await find(hash); // In time, and the question goes out.
    load.mockResolvedValue(undefined);
    await vi.advanceTimersByTimeAsync(300);
    await expect(find(hash)).resolves.toBeUndefined();
  });

  it("rejects a waiting request when the question for changes fails", async () => {
    findChanges.mockRejectedValueOnce(new Error("no connection"));
    await vi.advanceTimersByTimeAsync(2_000);
    await expect(find(hash)).rejects.toThrow("no connection");
  });

  it("does not cover a look-up that started before the last answer about changes", async () => {
    const late = "b".repeat(64) as TokenHash;
    let answer: (found: FoundPrincipal) => void = () => undefined;
    load.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));
    const asking = find(late);
    findChanges.mockResolvedValueOnce(changes("one"));
    await vi.advanceTimersByTimeAsync(300);
    await find(hash);
    answer(found); // Of before the change.
    await asking;
    load.mockResolvedValue(undefined);
    await vi.advanceTimersByTimeAsync(300);
    await expect(find(late)).resolves.toBeUndefined();
  });

  it.each([["standby"], [undefined]])("does not cover a look-up that another server (%s) answered", async (server) => {
    const elsewhere = "d".repeat(64) as TokenHash;
    load.mockResolvedValueOnce({ ...found, server });
    await find(elsewhere);
    load.mockResolvedValue(undefined);
    await vi.advanceTimersByTimeAsync(300);
    await expect(Promise.resolve(find(elsewhere))).resolves.toBe(principal);
    await vi.advanceTimersByTimeAsync(300);
    await expect(find(elsewhere)).resolves.toBeUndefined();
  });

  it("looks a token up again after 25 s even if it has not changed", async () => {
    await use(24_000);
    expect(load).not.toHaveBeenCalled();
    await use(2_000);
    expect(load).toHaveBeenCalledTimes(1);
  });

  it("does not use a token after it has expired", async () => {
    const expiring = "c".repeat(64) as TokenHash;
    load.mockResolvedValueOnce({ ...found, expiresInMs: 3_000 });
    await find(expiring);
    load.mockClear().mockResolvedValue(undefined);
    await use(2_900);
    await expect(Promise.resolve(find(expiring))).resolves.toBe(principal);
    expect(load).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(100);
    await expect(find(expiring)).resolves.toBeUndefined();
  });
});
