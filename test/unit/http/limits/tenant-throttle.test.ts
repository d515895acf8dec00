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
      await Promise.resolve(); // Reading the body takes a turn.
      admit(statements);
    });
    const refusal = (await query.catch((error: unknown) => error)) as GatewayError | undefined;
    return refusal === undefined ? "run" : (refusal.retryAfterSeconds ?? refusal.code);
  };
  return { throttle, ask, pass: (ms: number) => (now += ms) };
}

describe("TenantThrottle", () => {
  it("admits a burst, then as many statements as time allows, and tells a refused client when to retry", async () => {
    const { ask, pass } = startThrottle();
    const slow = tenant({ requestsPerSecond: 0.5, requestBurst: 2 });
    expect([await ask(slow), await ask(slow), await ask(slow)]).toEqual(["run", "run", 2]);
    pass(1_900);
    expect(await ask(slow)).toBe(1);
    pass(100);
    expect([await ask(slow), await ask(slow)]).toEqual(["run", 2]);
  });

  it("saves up no more statements than the burst, however long the tenant pauses", async () => {
    const { ask, pass } = startThrottle();
    const one = tenant({ requestsPerSecond: 1 });
    expect([await ask(one), await ask(one)]).toEqual(["run", 1]);
    pass(3_600_000);
    expect([await ask(one), await ask(one)]).toEqual(["run", 1]);
  });

  it("counts each statement of a batch, and counts an empty batch as one statement", async () => {
    const { ask, pass } = startThrottle();
    const ten = tenant({ requestsPerSecond: 10 });
    expect([await ask(ten, 7), await ask(ten, 2), await ask(ten, 0), await ask(ten)]).toEqual(["run", "run", "run", 1]);
    pass(1_000);
    expect([await ask(ten, 10), await ask(ten)]).toEqual(["run", 1]);
  });

  it("admits a refused batch after the time that the refusal named", async () => {
    const { ask, pass } = startThrottle();
    const one = tenant({ requestsPerSecond: 1, requestBurst: 10 });
    expect([await ask(one, 8), await ask(one, 5)]).toEqual(["run", 4]); // The refused one took 1 of the 2 left.
    pass(4_000);
    expect(await ask(one, 5)).toBe("run");
  });

  it("refuses a batch larger than the burst as INVALID_REQUEST, because a retry would be refused, too", async () => {
    const { ask } = startThrottle();
    expect(await ask(tenant({ requestsPerSecond: 5 }), 6)).toBe("INVALID_REQUEST");
    expect(await ask(tenant({ requestsPerSecond: 5, requestBurst: 6 }, "larger"), 6)).toBe("run");
    expect(await ask(tenant({ maxConcurrentQueries: 1 }, "without a rate"), 1_000)).toBe("run");
  });

  it("limits the queries that run at one time, and stops counting a query that has failed", async () => {
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

  it("counts each tenant separately", async () => {
    const { ask } = startThrottle();
    const limits = { requestsPerSecond: 0.1 };
    expect([await ask(tenant(limits, "a")), await ask(tenant(limits, "b")), await ask(tenant(limits, "a"))]).toEqual([
      "run",
      "run",
      10,
    ]);
  });
});
