// Kills the primary with kill -9 and promotes its streaming replica. One DATABASE_URL names both.

import { expect, it } from "vitest";
import { useBuiltCli } from "../support/cli.ts";
import { post } from "../support/gateway.ts";
import { createToken, serveOn, startOwnServer } from "./own-server.ts";
import { replicateSynchronously, startReplicaOf } from "./replica.ts";

/** The gateway promises to serve again within two seconds. */
const RECOVERY_DEADLINE_MS = 5 * 2_000;

useBuiltCli();

it(
  "the gateway finds the promoted replica by itself, with every acknowledged write",
  { timeout: 120_000 },
  async () => {
    const primary = await startOwnServer();
    const replica = await startReplicaOf(primary);
    await replicateSynchronously(primary);

    const hosts = [replica, primary].map(({ dataFolder }) => encodeURIComponent(dataFolder)).join();
    const { url } = await serveOn(`postgres://postgres@/postgres?host=${hosts}&target_session_attrs=read-write`);
    const token = await createToken(primary.query);
    const write = (id: number) => post(url, token, { sql: "insert into writes values ($1)", params: [id] });
    expect((await post(url, token, { sql: "create table writes (id int primary key)" })).status).toBe(200);

    const acknowledged: number[] = [];
    for (let id = 0; id < 20; id++) if ((await write(id)).status === 200) acknowledged.push(id);
    expect(acknowledged).toHaveLength(20);
    await primary.kill();
    const refused = await write(100);
    expect([500, 503]).toContain(refused.status);
    await replica.query("select pg_promote()");
    const since = performance.now();
    let id = 101;
    while ((await write(id)).status !== 200 && performance.now() - since < RECOVERY_DEADLINE_MS) id += 1;
    console.info(`writes again ${Math.round(performance.now() - since)} ms after the promotion`);
    const { body } = await post(url, token, {
      sql: "select array_agg(id order by id) as ids from writes where id < 100",
    });
    expect(body.rows).toEqual([{ ids: acknowledged }]);
    expect(performance.now() - since).toBeLessThan(RECOVERY_DEADLINE_MS);
  },
);
