// Lets the gateway's clock jump forward and back by hours. The gateway measures durations with a monotonic clock, and only PostgreSQL's
// clock decides when a token expires.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { makeFolder } from "../integration/embedded/data-dirs.ts";
import { type CliProcess, useBuiltCli } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { post } from "../support/gateway.ts";
import { createToken, type OwnServer, serveOn, startOwnServer } from "./own-server.ts";

const SIX_HOURS_MS = 6 * 3_600_000;
/** The error of the clock after each jump. */
const JUMPS = [
  ["six hours ahead", SIX_HOURS_MS],
  ["six hours behind", -SIX_HOURS_MS],
] as const;
/** The gateway keeps a principal for half a second, so it looks a token up at most twice a second. */
const LOOK_UPS_A_SECOND = 2;
const EXPIRES_IN_MS = 3_000;

useBuiltCli();

/** Returns Node's option for a process whose clock jumps at each SIGUSR2. The process reports each jump on stderr. */
async function clockThatJumps(): Promise<string> {
  const file = join(await makeFolder(), "clock.mjs");
  await writeFile(
    file,
    `const RealDate = Date;
     const shifts = ${JSON.stringify(JUMPS.map(([, ms]) => ms))};
     let shift = 0;
     const now = () => RealDate.now() + shift;
     globalThis.Date = class Date extends RealDate {
       constructor(...given) { given.length === 0 ? super(now()) : super(...given); }
       static now() { return now(); }
     };
     process.on("SIGUSR2", () => { shift = shifts.shift(); process.stderr.write("off by " + shift + "\\n"); });`,
  );
  return `--import=${pathToFileURL(file).href}`;
}

async function jump(gateway: CliProcess, offByMs: number): Promise<void> {
  gateway.child.kill("SIGUSR2");
  await gateway.until("stderr", new RegExp(`off by ${offByMs}\n`));
}

/** Waits for log lines which show that the clock is really off. A new hour may begin in the meantime. */
async function untilLogged(gateway: CliProcess, offByMs: number): Promise<void> {
  const hours = [0, 60_000].map((later) => new Date(Date.now() + offByMs + later).toISOString().slice(0, 13));
  await gateway.until("stderr", new RegExp(`"time":"(?:${hours.join("|")})`));
}

async function expiringToken(server: OwnServer, ms: number): Promise<string> {
  const [row] = await server.query(
    "select t.token from postgate_databases d, lateral create_tenant_token(d.id, gen_random_uuid()::text, '{SELECT}', $1::interval) t where d.name = 'shop'",
    [`${ms} milliseconds`],
  );
  return String(row.token);
}

it(
  "a jump of the clock blocks no request, prolongs no token, resets no rate limit and causes no more look-ups",
  { timeout: 90_000 },
  async () => {
    const server = await startOwnServer();
    const opsPort = await freePort();
    const { gateway, url } = await serveOn(server.url, {
      NODE_OPTIONS: await clockThatJumps(),
      POSTGATE_OPS_PORT: String(opsPort),
      POSTGATE_POOL_SIZE: "4", // With this size, tenants' statements have one connection.
      POSTGATE_QUERY_TIMEOUT_MS: "1000",
    });
    const countLookUps = async (): Promise<number> => {
      const text = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
      return Number(/postgate_stage_duration_seconds_count\{.*stage="look-up"\} (\d+)/.exec(text)?.[1]);
    };
    const token = await createToken(server.query);
    const slow = await createToken(server.query, "slow");
    await server.query("update postgate_databases set requests_per_second = 0.001 where name = 'slow'");
    const long = await expiringToken(server, 3_600_000);
    const ask = async (whose = token, sql = "select 1") => (await post(url, whose, { sql })).status;
    expect([await ask(), await ask(slow), await ask(long)]).toEqual([200, 200, 200]);

    for (const [how, offByMs] of JUMPS) {
      const short = await expiringToken(server, EXPIRES_IN_MS);
      const expiresAt = performance.now() + EXPIRES_IN_MS;
      expect(await ask(short)).toBe(200);
      const endless = ask(token, "select count(*) from generate_series(1, 4000000000)");
      const queued = Array.from({ length: 5 }, () => ask());
      await jump(gateway, offByMs);
      expect(await endless, how).toBe(504);
      expect(await Promise.all(queued), how).toEqual([200, 200, 200, 200, 200]);
      expect(await ask(slow), how).toBe(429); // The jump has not refilled its bucket.
      await untilLogged(gateway, offByMs);

      const [before, since] = [await countLookUps(), performance.now()];
      let asked = 0;
      for (; performance.now() < expiresAt - 200; asked++) expect(await ask(), how).toBe(200);
      const seconds = (performance.now() - since) / 1_000;
      const lookUps = (await countLookUps()) - before;
      console.info(`${how}: ${asked} requests in ${seconds.toFixed(1)} s took ${lookUps} look-ups`);
      expect(lookUps, how).toBeLessThanOrEqual(Math.ceil(seconds * LOOK_UPS_A_SECOND) + 1);

      while ((await ask(short)) === 200) expect(performance.now() - expiresAt, how).toBeLessThan(5_000);
      expect([await ask(short), await ask(long)], how).toEqual([401, 200]);
    }
  },
);
