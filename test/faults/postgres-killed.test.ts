// Kills PostgreSQL with kill -9 and starts it again while clients write and read: 2 times, and 20 times in the full tier.

import { expect, it } from "vitest";
import { useBuiltCli } from "../support/cli.ts";
import { post } from "../support/gateway.ts";
import { createToken, serveOn, startOwnServer } from "./own-server.ts";
import { NOTHING_WRONG, report, startWriters } from "./writers.ts";
import { isFullTier } from "../support/tier.ts";

const TIMES = isFullTier ? 20 : 2;
/** The gateway promises to serve again within two seconds. */
const RECOVERY_DEADLINE_MS = 5 * 2_000;

useBuiltCli();

it(
  `the gateway loses no acknowledged write, gives no wrong answer and recovers when PostgreSQL is killed ${TIMES} times`,
  { timeout: 60_000 + TIMES * 15_000 },
  async () => {
    const server = await startOwnServer();
    const { url } = await serveOn(server.url);
    const token = await createToken(server.query);
    const writers = await startWriters({ url, token });

    const outages: number[] = [];
    for (let time = 0; time < TIMES; time++) {
      await writers.untilAcknowledged(50);
      await server.kill();
      await server.start();
      const since = performance.now();
      while ((await post(url, token, { sql: "select 1" })).status !== 200 && performance.now() - since < 60_000);
      outages.push(performance.now() - since);
    }
    await writers.untilAcknowledged(50);
    const seen = await writers.end();
    report(`killed ${TIMES} times`, seen);
    console.info(`served again ${Math.round(Math.max(...outages))} ms after the server's start at most`);
    expect(seen).toMatchObject(NOTHING_WRONG);
    expect(Math.max(...outages)).toBeLessThan(RECOVERY_DEADLINE_MS);
  },
);
