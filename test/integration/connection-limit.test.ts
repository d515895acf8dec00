import { describe, expect, it, onTestFinished } from "vitest";
import { createGateway } from "../../src/gateway.ts";
import type { Observation } from "../../src/observability/observation.ts";
import { clusterConnection, type ClusterVersion, createTestDatabase, hasCluster } from "../support/cluster.ts";
import { startTestGateway, testConfig } from "../support/gateway.ts";
import { queryAs } from "./migration/support.ts";

const LIMIT_SQL = `select rolconnlimit as limit from pg_roles
  where rolname = 'postgate_exec_' || (select oid from pg_database where datname = current_database())`;

describe.each([18, 15] as ClusterVersion[])(
  "the connection limit of the tenants' login on PostgreSQL %i",
  (version) => {
    describe.skipIf(!hasCluster(version))("(where it is installed)", () => {
      it("leaves the server's reserve and a tenth of its connections to others", async () => {
        const gateway = await startTestGateway({ version, config: { poolSize: 5 } });
        onTestFinished(() => gateway.close());
        // The test cluster has 300 connections, 3 of them for superusers.
        expect(await gateway.database.query(LIMIT_SQL)).toEqual([{ limit: 300 - 3 - 30 }]);
      });

      it("is never below what the pools of all live processes may open", async () => {
        const database = await createTestDatabase(version);
        onTestFinished(() => database.close());
        const start = async (poolSize: number): Promise<void> => {
          const gateway = createGateway(testConfig(database, { poolSize }), () => undefined);
          onTestFinished(() => gateway.close());
          await gateway.listen();
        };
        await start(253);
        expect(await database.query(LIMIT_SQL)).toEqual([{ limit: 267 }]);
        await Promise.all([start(203), start(103)]);
        expect(await database.query(LIMIT_SQL)).toEqual([{ limit: 250 + 200 + 100 + 3 }]);
      });

      it("follows at the next start when a process has ended", async () => {
        const database = await createTestDatabase(version);
        onTestFinished(() => database.close());
        const first = createGateway(testConfig(database, { poolSize: 303 }), () => undefined);
        await first.listen();
        expect(await database.query(LIMIT_SQL)).toEqual([{ limit: 303 }]);
        await first.close();
        const second = createGateway(testConfig(database, { poolSize: 5 }), () => undefined);
        onTestFinished(() => second.close());
        await second.listen();
        expect(await database.query(LIMIT_SQL)).toEqual([{ limit: 267 }]);
      });

      it("is set by a login with CREATEROLE, too", async () => {
        const login = `creator_${version}_${process.pid}`;
        onTestFinished(() => queryAs(clusterConnection(version), `drop role if exists ${login}`).then(() => undefined));
        const observations: Observation[] = [];
        const database = await createTestDatabase(version);
        onTestFinished(async () => {
          await database.query(`reassign owned by ${login} to current_user`);
          await database.query(`drop owned by ${login}`);
          await database.close();
        });
        await database.query(`create role ${login} login createrole`);
        await database.query(`alter database ${database.connection.database} owner to ${login}`);
        await database.query(`alter schema public owner to ${login}`);
        const operator = { ...database.connection, user: login };
        const config = testConfig(database, { database: { kind: "external", connection: operator } });
        const gateway = createGateway(config, (observation) => observations.push(observation));
        onTestFinished(() => gateway.close());
        await gateway.listen();
        expect(await database.query(LIMIT_SQL)).toEqual([{ limit: 267 }]);
        expect(observations.filter(({ kind }) => kind === "background-failure")).toEqual([]);
      });

      it("is left alone where the operator made the login", async () => {
        const database = await createTestDatabase(version);
        const login = `own_login_${version}_${process.pid}`;
        await database.query(`create role ${login} login noinherit connection limit 7`);
        onTestFinished(async () => {
          await database.close();
          await queryAs(clusterConnection(version), `drop role ${login}`);
        });
        const tenantConnection = { ...database.connection, user: login };
        const gateway = createGateway(testConfig(database, { tenantConnection }), () => undefined);
        onTestFinished(() => gateway.close());
        await gateway.listen();
        expect(await database.query("select rolconnlimit as limit from pg_roles where rolname = $1", [login])).toEqual([
          { limit: 7 },
        ]);
      });
    });
  },
);
