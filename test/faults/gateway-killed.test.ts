// Kills a gateway with kill -9. PostgreSQL's own timeouts clear everything that the gateway leaves there.

import { expect, it } from "vitest";
import { useBuiltCli } from "../support/cli.ts";
import { post } from "../support/gateway.ts";
import { createToken, serveOn, startOwnServer } from "./own-server.ts";

const TIMEOUT_MS = 1_000;

useBuiltCli();

it(
  "a killed gateway leaves no session behind once statement_timeout has ended the running statements",
  { timeout: 60_000 },
  async () => {
    const server = await startOwnServer();
    const { gateway, url } = await serveOn(server.url, { POSTGATE_QUERY_TIMEOUT_MS: String(TIMEOUT_MS) });
    const token = await createToken(server.query);
    const sql = "select count(*) from generate_series(1, 4000000000)";
    const running = [1, 2, 3].map(() => post(url, token, { sql }).catch((error: unknown) => error));
    const sessions = "select from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
    while ((await server.query(`${sessions} and state = 'active'`)).length < 3);
    gateway.child.kill("SIGKILL");
    const since = performance.now();
    expect(await Promise.all(running)).toEqual([expect.any(Error), expect.any(Error), expect.any(Error)]);
    while ((await server.query(sessions)).length > 0 && performance.now() - since < 10 * TIMEOUT_MS);
    console.info(`the last session was gone after ${Math.round(performance.now() - since)} ms`);
    expect(await server.query(sessions)).toEqual([]);
    expect(await server.query("select from pg_prepared_xacts")).toEqual([]);
  },
);
