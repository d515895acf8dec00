import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { Principal } from "../../../../src/auth/principal.ts";
import type { GatewayError } from "../../../../src/base/errors.ts";
import { TenantThrottle } from "../../../../src/http/limits/tenant-throttle.ts";
import type { DatabaseId, SchemaName } from "../../../../src/tenants/tenant.ts";
import type { TenantLimits } from "../../../../src/tenants/tenant-limits.ts";

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
  const ask = async (whose: Principal["tenant"], statements = 1): Promise<number | string> => {
    const query = throttle.withQuery(whose, async (admit) => {
      await Promise.resolve(); // The body is read.
      admit(statements);
    });
    const refusal = (await query.catch((error: unknown) => error)) as GatewayError | undefined;
    return refusal === undefined ? "run" : (refusal.retryAfterSeconds ?? refusal.code);
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

  it("counts each statement of a batch, and none of an empty one beyond the request itself", async () => {
    const { ask, pass } = startThrottle();
    const ten = tenant({ requestsPerSecond: 10 });
    expect([await ask(ten, 7), await ask(ten, 2), await ask(ten, 0), await ask(ten)]).toEqual(["run", "run", "run", 1]);
    pass(1_000);
    expect([await ask(ten, 10), await ask(ten)]).toEqual(["run", 1]);
  });

  it("says when a batch that was too large for now may come again, and it may", async () => {
    const { ask, pass } = startThrottle();
    const one = tenant({ requestsPerSecond: 1, requestBurst: 10 });
    expect([await ask(one, 8), await ask(one, 5)]).toEqual(["run", 4]); // The request itself has taken one of two.
    pass(4_000);
    expect(await ask(one, 5)).toBe("run");
  });

  it("refuses a batch that is larger than the burst with an error that sending again does not mend", async () => {
    const { ask } = startThrottle();
    expect(await ask(tenant({ requestsPerSecond: 5 }), 6)).toBe("INVALID_REQUEST");
    expect(await ask(tenant({ requestsPerSecond: 5, requestBurst: 6 }, "larger"), 6)).toBe("run");
    expect(await ask(tenant({ maxConcurrentQueries: 1 }, "without a rate"), 1_000)).toBe("run");
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
