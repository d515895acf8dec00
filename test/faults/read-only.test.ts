// Makes the server read-only: new connections reach a standby, as after a failover that went wrong, until it is promoted.

import { expect, it } from "vitest";
import { useBuiltCli } from "../support/cli.ts";
import { post } from "../support/gateway.ts";
import { startCuttingProxy } from "./cutting-proxy.ts";
import { createToken, serveOn, startOwnServer } from "./own-server.ts";
import { replicateSynchronously, startReplicaOf } from "./replica.ts";
import { NOTHING_WRONG, report, startWriters } from "./writers.ts";

const READ_ONLY = "25006";
const ANSWERS = 20;

useBuiltCli();

it(
  "on a read-only server reads go on, writes are refused with 25006 without a retry, and succeed after the promotion",
  { timeout: 120_000 },
  async () => {
    const primary = await startOwnServer();
    const replica = await startReplicaOf(primary);
    await replicateSynchronously(primary);
    const proxy = await startCuttingProxy(primary.dataFolder);
    const { gateway, url } = await serveOn(proxy.url);
    const token = await createToken(primary.query);
    const ask = (sql: string) => post(url, token, { sql });
    for (const sql of [
      "create sequence steps",
      "create view next_step as select nextval('steps') as step", // The judge takes this for a read. Only PostgreSQL knows that it writes.
      "create table notes (id int)",
      "insert into notes values (1)",
    ])
      expect((await ask(sql)).status, sql).toBe(200);
    const writers = await startWriters({ url, token, clients: 4, mayRefuseWith: new RegExp(READ_ONLY) });
    await writers.untilAcknowledged(50);

    proxy.leadTo(replica.dataFolder);
    proxy.resetAll();
    while ((await ask("insert into notes values (2)")).body.sqlstate !== READ_ONLY);
    for (const sql of [
      "insert into notes values (2)",
      "insert into notes values (2) returning id",
      "create table others (id int)",
      "select step from next_step",
    ]) {
      const answer = await ask(sql);
      expect(answer, sql).toMatchObject({ status: 500, body: { code: "DATABASE_ERROR", sqlstate: READ_ONLY } });
    }
    expect((await ask("select id from notes")).body.rows).toEqual([{ id: 1 }]);
    const bytes = await proxy.countBytes(/^postgate_exec_/, async () => {
      for (let n = 0; n < ANSWERS; n++) await ask("select step from next_step");
    });
    console.info(`PostgreSQL answered ${Math.round(bytes / ANSWERS)} bytes a refused statement`);
    expect(bytes / ANSWERS).toBeLessThan(2_500); // This is enough for two attempts, one read-only and one not.

    await replica.query("select pg_promote()");
    const since = performance.now();
    while ((await ask("insert into notes values (3)")).status !== 200);
    console.info(`writes again ${Math.round(performance.now() - since)} ms after the promotion`);
    await writers.untilAcknowledged(50);
    const seen = await writers.end();
    report("read-only", seen);
    expect(seen).toMatchObject(NOTHING_WRONG);
    expect((await ask("select step from next_step")).status).toBe(200);
    gateway.child.kill("SIGTERM");
    expect((await gateway.ended).code).toBe(0);
  },
);
