import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { Principal } from "../../../src/auth/principal.ts";
import { TenantThrottle } from "../../../src/http/tenant-throttle.ts";
import type { DatabaseId, SchemaName } from "../../../src/tenants/tenant.ts";
import type { TenantLimits } from "../../../src/tenants/tenant-limits.ts";

function tenant(limits: TenantLimits, id = "t"): Principal["tenant"] {
  return {
    id: id as DatabaseId,
    name: id,
    backend: { kind: "schema", schema: id as SchemaName },
    maxRows: 1,
    limits,
  };
}

function startThrottle() {
  let now = 0;
  const throttle = new TenantThrottle({ now: () => now });
  const ask = async (whose: Principal["tenant"]): Promise<number | string> => {
    const refusal = await throttle.withQuery(whose, () => Promise.resolve(undefined)).catch((error: unknown) => error);
    return refusal === undefined ? "run" : (refusal as { retryAfterSeconds: number }).retryAfterSeconds;
  };
  return { throttle, ask, pass: (ms: number) => (now += ms) };
}

describe("TenantThrottle", () => {
  it("lets a burst through, then as many as time refills, and says when to come again", async () => {
    const { ask, pass } = startThrottle();
    const slow = tenant({ requestsPerSecond: 0.5, requestBurst: 2 });
    expect([await ask(slow), await ask(slow), await ask(slow)]).toEqual(["run", "run", 2]);
    pass(1_900);
    expect(await ask(slow)).toBe(1);
    pass(100);
    expect([await ask(slow), await ask(slow)]).toEqual(["run", 2]);
  });

  it("keeps no more than the burst, however long the pause", async () => {
    const { ask, pass } = startThrottle();
    const one = tenant({ requestsPerSecond: 1 });
    expect([await ask(one), await ask(one)]).toEqual(["run", 1]);
    pass(3_600_000);
    expect([await ask(one), await ask(one)]).toEqual(["run", 1]);
  });

  it("counts what runs, and gives the place back when it has failed", async () => {
    const { throttle, ask } = startThrottle();
    const one = tenant({ maxConcurrentQueries: 1 });
    const query = new AbortController();
    const failing = throttle.withQuery(one, async () => {
      await once(query.signal, "abort");
      throw new Error("no");
    });
    expect(await ask(one)).toBe(1);
    query.abort();
    await expect(failing).rejects.toThrow("no");
    expect(await ask(one)).toBe("run");
  });

  it("counts each tenant for itself", async () => {
    const { ask } = startThrottle();
    const limits = { requestsPerSecond: 0.1 };
    expect([await ask(tenant(limits, "a")), await ask(tenant(limits, "b")), await ask(tenant(limits, "a"))]).toEqual([
      "run",
      "run",
      10,
    ]);
  });
});
