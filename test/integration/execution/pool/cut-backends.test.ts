// A backend that takes no cancel, as inside a long loop of one C function: here its process is stopped by a signal, so that it
// goes on exactly when the test says so.

import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { findBackends } from "../../../../src/postgres/find-backends.ts";
import { connect } from "../../../../src/postgres/connect.ts";
import { clusterConnection, type ClusterVersion, hasCluster } from "../../../support/cluster.ts";
import { type Harness, type HarnessOptions, startHarness } from "../harness.ts";

describe.each([18, 15] as ClusterVersion[])("a backend that was cut off, on PostgreSQL %i", (version) => {
  describe.skipIf(!hasCluster(version))("(where it is installed)", () => {
    const stopped = new Set<number>();
    afterEach(() => {
      for (const processId of stopped) resume(processId);
    });

    async function start(options: HarnessOptions): Promise<Harness> {
      const operator = clusterConnection(version);
      const harness: Harness = await startHarness(version, {
        ...options,
        findBackends: async (processIds) => {
          const client = await connect({ ...operator, database: harness.database.connection.database });
          try {
            return await findBackends(client, harness.login.user, processIds);
          } finally {
            await client.end();
          }
        },
      });
      onTestFinished(() => harness.close());
      return harness;
    }

    function resume(processId: number): void {
      stopped.delete(processId);
      process.kill(processId, "SIGCONT");
    }

    /** The pid of a backend that sleeps and is not stopped. */
    async function findSleeping({ database }: Harness): Promise<number> {
      let processId: unknown;
      await expect
        .poll(async () => {
          const [row] = await database.query(
            `select pid from pg_stat_activity where state = 'active' and query ~ 'pg_sleep' and pid <> all ($1)
             and datname = current_database() and pid <> pg_backend_pid()`,
            [[...stopped]],
          );
          return (processId = row?.pid);
        })
        .toBeTypeOf("number");
      return Number(processId);
    }

    /** Runs a statement whose backend stops, until the gateway has given it up. Gives the pid. */
    async function cutOff(harness: Harness): Promise<number> {
      const running = harness.run("select pg_sleep(600)", [], { limits: { timeoutMs: 100 } });
      const failed = running.catch((error: unknown) => error);
      const processId = await findSleeping(harness);
      stopped.add(processId);
      process.kill(processId, "SIGSTOP");
      expect(await failed).toMatchObject({ code: "TIMEOUT" });
      return processId;
    }

    it("counts against its tenant's share until PostgreSQL says that it is gone", async () => {
      const harness = await start({ maxConnections: 3, maxPerTenant: 1, waitTimeoutMs: 500 });
      const processId = await cutOff(harness);
      expect(harness.pool.usage).toMatchObject({ cutBackends: 1, inUse: 0 });
      await expect(harness.run("select 1")).rejects.toMatchObject({ code: "UNAVAILABLE" });
      expect((await harness.run("select 1", [], { session: harness.bob })).rows).toHaveLength(1);
      resume(processId);
      await expect.poll(() => harness.pool.usage.cutBackends, { timeout: 10_000 }).toBe(0);
      expect((await harness.run("select 1")).rows).toHaveLength(1);
    });

    it("counts against the pool's size, whoever asks", async () => {
      const harness = await start({ maxConnections: 1, waitTimeoutMs: 500 });
      const processId = await cutOff(harness);
      await expect(harness.run("select 1", [], { session: harness.bob })).rejects.toMatchObject({
        code: "UNAVAILABLE",
      });
      const [{ count }] = (await harness.database.query("select count(*) from pg_stat_activity where usename = $1", [
        harness.login.user,
      ])) as [{ count: string }];
      expect(count).toBe("1");
      const waiting = harness.run("select 1", [], { session: harness.bob });
      resume(processId);
      expect((await waiting).rows).toHaveLength(1);
    });

    it("keeps no place when the server itself has ended it", async () => {
      const harness = await start({ maxConnections: 1 });
      const failed = harness.run("select pg_sleep(600)").catch((error: unknown) => error);
      await harness.database.query("select pg_terminate_backend($1)", [await findSleeping(harness)]);
      expect(await failed).toMatchObject({ details: { sqlstate: "08007" } });
      expect((await harness.run("select 1")).rows).toHaveLength(1);
      expect(harness.pool.usage.cutBackends).toBe(0);
    });

    it("shows every role that it is there, and its start only to those who may see it", async () => {
      const harness = await start({ maxConnections: 1 });
      await harness.run("select 1");
      const [{ pid }] = (await harness.database.query("select pid from pg_stat_activity where usename = $1", [
        harness.login.user,
      ])) as [{ pid: number }];
      await harness.database.query(`create role passer_by_${pid} login`);
      const found = [];
      for (const user of [`passer_by_${pid}`, harness.login.user, harness.database.connection.user]) {
        const client = await connect({ ...harness.database.connection, user });
        found.push(await findBackends(client, harness.login.user, [pid, 1]));
        found.push(await findBackends(client, "somebody_else", [pid]));
        await client.end();
      }
      await harness.database.query(`drop role passer_by_${pid}`);
      const seen = [{ processId: pid, startedAt: expect.any(String) }];
      expect(found).toEqual([[{ processId: pid, startedAt: null }], [], seen, [], seen, []]);
    });
  });
});
