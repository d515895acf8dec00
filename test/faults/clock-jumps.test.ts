// The gateway's clock jumps by hours, forth and back: durations are of a clock that only goes forward, and when a token expires is
// said by PostgreSQL's clock alone.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { makeFolder } from "../integration/embedded/data-dirs.ts";
import { useBuiltCli } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { post } from "../support/gateway.ts";
import { createToken, type OwnServer, serveOn, startOwnServer } from "./own-server.ts";

const HOURS_MS = 6 * 3_600_000;
/** A principal is remembered for half a second. */
const LOOK_UPS_A_SECOND = 2;

useBuiltCli();

/** What the process is started with: at SIGUSR2 its clock jumps, and it says so. */
async function clockThatJumps(byMs: number): Promise<string> {
  const file = join(await makeFolder(), "clock.mjs");
  await writeFile(
    file,
    `const RealDate = Date;
     let shift = 0;
     const now = () => RealDate.now() + shift;
     globalThis.Date = class Date extends RealDate {
       constructor(...given) { given.length === 0 ? super(now()) : super(...given); }
       static now() { return now(); }
     };
     process.on("SIGUSR2", () => { shift += ${byMs}; process.stderr.write("the clock jumped\\n"); });`,
  );
  return `--import=${pathToFileURL(file).href}`;
}

async function expiringToken(server: OwnServer, seconds: number): Promise<string> {
  const [row] = await server.query(
    "select t.token from postgate_databases d, lateral create_tenant_token(d.id, $1, '{SELECT}', make_interval(secs => $2)) t where d.name = 'shop'",
    [`expires in ${seconds}`, seconds],
  );
  return String(row.token);
}

describe("when the gateway's clock jumps", () => {
  it.each([
    ["six hours ahead", HOURS_MS],
    ["six hours back", -HOURS_MS],
  ])(
    "%s, tokens expire in time, nothing hangs or is let through, and nobody is looked up more often",
    { timeout: 60_000 },
    async (_, byMs) => {
      const server = await startOwnServer();
      const opsPort = await freePort();
      const { gateway, url } = await serveOn(server.url, {
        NODE_OPTIONS: await clockThatJumps(byMs),
        POSTGATE_OPS_PORT: String(opsPort),
        POSTGATE_POOL_SIZE: "4", // One connection for tenants.
        POSTGATE_QUERY_TIMEOUT_MS: "1000",
      });
      const lookUps = async (): Promise<number> => {
        const text = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
        return Number(/postgate_stage_duration_seconds_count\{stage="look-up"\} (\d+)/.exec(text)?.[1]);
      };
      const token = await createToken(server.query);
      const ask = (sql: string, whose = token) => post(url, whose, { sql });
      expect((await ask("select 1")).status).toBe(200);
      const slow = await createToken(server.query, "slow");
      await server.query(
        "update postgate_databases set requests_per_second = 0.001, request_burst = 1 where name = 'slow'",
      );
      expect((await ask("select 1", slow)).status).toBe(200);
      const long = await expiringToken(server, 3_600);
      const short = await expiringToken(server, 3);
      const expiresAt = performance.now() + 3_000;
      expect([(await ask("select 1", long)).status, (await ask("select 1", short)).status]).toEqual([200, 200]);

      const endless = ask("select count(*) from generate_series(1, 4000000000)");
      const queued = Array.from({ length: 5 }, () => ask("select 1"));
      gateway.child.kill("SIGUSR2");
      await gateway.until("stderr", /the clock jumped/);
      // So say the lines of its log; a new hour may begin meanwhile.
      const hours = [0, 60_000].map((later) => new Date(Date.now() + byMs + later).toISOString().slice(0, 13));
      await gateway.until("stderr", new RegExp(`"time":"(?:${hours.join("|")})`));
      expect((await endless).body).toMatchObject({ code: "TIMEOUT" });
      expect((await Promise.all(queued)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
      expect((await ask("select 1", slow)).status).toBe(429); // Its bucket is not refilled by the jump.

      const [before, since] = [await lookUps(), performance.now()];
      let asked = 0;
      while (performance.now() < expiresAt - 200) {
        expect((await ask("select 1")).status).toBe(200);
        asked += 1;
      }
      const seconds = (performance.now() - since) / 1_000;
      expect((await lookUps()) - before).toBeLessThanOrEqual(Math.ceil(seconds * LOOK_UPS_A_SECOND) + 1);
      console.info(`${asked} requests in ${seconds.toFixed(1)} s took ${(await lookUps()) - before} look-ups`);

      expect((await ask("select 1", short)).status).toBe(200);
      while ((await ask("select 1", short)).status === 200) expect(performance.now() - expiresAt).toBeLessThan(5_000);
      expect((await ask("select 1", short)).status).toBe(401);
      expect((await ask("select 1", long)).status).toBe(200);
    },
  );
});
