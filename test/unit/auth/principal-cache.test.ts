import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cachePrincipals } from "../../../src/auth/principal-cache.ts";
import type { Principal } from "../../../src/auth/principal.ts";
import type { TokenHash } from "../../../src/auth/token.ts";

const hash = "a".repeat(64) as TokenHash;
const clock = { now: () => Date.now() }; // Faked, as the timers are.
const principal = { tokenId: "1" } as Principal;

describe("cachePrincipals", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("asks once for requests that come together", async () => {
    const load = vi.fn(() => Promise.resolve(principal));
    const { load: cached } = cachePrincipals(load, clock);
    await expect(Promise.all([cached(hash), cached(hash), cached(hash)])).resolves.toEqual(Array(3).fill(principal));
    expect(load).toHaveBeenCalledTimes(1);
  });

  it("trusts an answer for less than a second", async () => {
    const load = vi.fn(() => Promise.resolve<Principal | undefined>(principal));
    const { load: cached } = cachePrincipals(load, clock);
    await cached(hash);
    vi.advanceTimersByTime(400);
    await cached(hash);
    expect(load).toHaveBeenCalledTimes(1);
    load.mockResolvedValue(undefined);
    vi.advanceTimersByTime(200);
    await expect(cached(hash)).resolves.toBeUndefined();
  });

  it("counts the time that the look-up itself took", async () => {
    const load = vi.fn(async () => {
      await vi.advanceTimersByTimeAsync(600);
      return principal;
    });
    const { load: cached } = cachePrincipals(load, clock);
    await cached(hash);
    await cached(hash);
    expect(load).toHaveBeenCalledTimes(2);
  });

  it("asks for known tokens while a flood of unknown ones is looked up, and refuses what is over the bound", async () => {
    const flood = new AbortController();
    const load = vi.fn(async (asked: TokenHash) => {
      if (asked === hash) return principal;
      if (!flood.signal.aborted) await once(flood.signal, "abort");
      return undefined;
    });
    const { load: cached } = cachePrincipals(load, clock);
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

  it("remembers neither a failure nor an unknown token", async () => {
    const load = vi
      .fn<() => Promise<Principal | undefined>>()
      .mockRejectedValueOnce(new Error("no connection"))
      .mockResolvedValueOnce(undefined)
      .mockResolvedValueOnce(principal);
    const { load: cached } = cachePrincipals(load, clock);
    await expect(cached(hash)).rejects.toThrow("no connection");
    await expect(cached(hash)).resolves.toBeUndefined();
    await expect(cached(hash)).resolves.toBe(principal);
  });
});
