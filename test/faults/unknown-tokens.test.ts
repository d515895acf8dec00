// Sends a flood of made-up tokens. Look-ups are bounded, and clients with a valid token are served all the time.

import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { useBuiltCli } from "../support/cli.ts";
import { post } from "../support/gateway.ts";
import { startGatewayProcess } from "./gateway-process.ts";

const FLOOD = 1_000;
const AT_A_TIME = 50;

useBuiltCli();

it(
  "the gateway refuses a flood of unknown tokens with 401 or 503, and serves known tokens in the meantime",
  { timeout: 60_000 },
  async () => {
    const { url, token } = await startGatewayProcess();
    const ask = () => post(url, token, { sql: "select 1" });
    expect((await ask()).status).toBe(200);
    const refusals: Record<number, number> = {};
    let sent = 0;
    const flood = Array.from({ length: AT_A_TIME }, async () => {
      while (sent++ < FLOOD) {
        const { status } = await post(url, `pg_${randomBytes(32).toString("hex")}`, { sql: "select 1" });
        refusals[status] = (refusals[status] ?? 0) + 1;
      }
    });
    const flooded = new AbortController();
    const over = Promise.all(flood).then(() => flooded.abort());
    const served: number[] = [];
    let slowest = 0;
    while (!flooded.signal.aborted) {
      const since = performance.now();
      served.push((await ask()).status);
      slowest = Math.max(slowest, performance.now() - since);
    }
    await over;
    console.info(
      `refused ${JSON.stringify(refusals)}; served ${served.length} meanwhile, the slowest in ${Math.round(slowest)} ms`,
    );
    expect(Object.keys(refusals).every((status) => ["401", "503"].includes(status))).toBe(true);
    expect(served.length).toBeGreaterThan(0);
    expect(new Set(served)).toEqual(new Set([200]));
  },
);
