import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createGateway } from "../../../../src/gateway.ts";
import { connect } from "../../../../src/postgres/connect.ts";
import { hasCluster } from "../../../support/cluster.ts";
import { hasPgBouncer, type PgBouncer, startPgBouncer } from "../../../support/pgbouncer.ts";
import { post, startTestGateway, testConfig } from "../../../support/gateway.ts";
import { type Harness, startHarness } from "../harness.ts";

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));
const SERVER_CONNECTIONS = 3;
const QUERY_COUNT = 5_000;

/** What a session of the server holds besides what PgBouncer itself sets on it, and what each transaction sets anew. */
const TRACES_SQL = `
  select pg_backend_pid() as pid, current_user = session_user as has_own_role,
    (select count(*)::int from pg_prepared_statements) as statements,
    (select count(*)::int from pg_cursors) as cursors,
    (select count(*)::int from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as locks,
    (select coalesce(array_agg(name::text), '{}') from pg_settings where source = 'session'
       and name not like 'transaction\\_%'
       and name not in ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings'))
      as settings`;

describe.skipIf(!hasPgBouncer).each(VERSIONS)("through PgBouncer in transaction mode, PostgreSQL %i", (version) => {
  let pooler: PgBouncer;
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness(version, {
      through: async (login) => {
        pooler = await startPgBouncer(login, SERVER_CONNECTIONS);
        return pooler.connection;
      },
      ownsSessions: false,
      maxConnections: 12,
      maxPerTenant: 12,
      maxWaiting: 2 * QUERY_COUNT,
      waitTimeoutMs: 60_000,
    });
    for (const session of [harness.alice, harness.bob]) {
      await harness.run("create table notes (owner text, n int)", [], { session });
      await harness.run("insert into notes values ($1, 0)", [session.tenant], { session });
    }
  });
  afterAll(async () => {
    await harness.close();
    await pooler.close();
  });

  it("answers each of many queries as its own tenant", async () => {
    const { run, alice, bob } = harness;
    const forms: readonly [sql: string, params: (n: number) => readonly unknown[]][] = [
      ["select current_user, owner, $1::int from notes where n = 0", (n) => [n]],
      ["select current_user, owner, $1::int from notes where n = any($2)", (n) => [n, [0, -1]]],
      ["insert into notes select owner, $1 from notes where n = 0 returning current_user, owner, n", (n) => [n]],
      ["select current_user, owner, jsonb_build_object('n', $1) ->> 'n' from notes where n = 0", (n) => [n]],
    ];
    const results = await Promise.all(
      Array.from({ length: QUERY_COUNT }, async (_, index) => {
        const n = index + 1;
        const session = n % 3 === 0 ? bob : alice;
        if (n % 10 === 0) await expect(run("select 1 / 0", [], { session })).rejects.toThrow("division by zero");
        const [sql, params] = forms[n % forms.length] ?? ["", () => []];
        const { rows } = await run(sql, params(n), { session });
        return { rows, expected: [[session.role, session.tenant, String(n)]] };
      }),
    );
    expect(results.filter(({ rows, expected }) => JSON.stringify(rows) !== JSON.stringify(expected))).toEqual([]);
  });

  it("answers each of many batches as its own tenant", async () => {
    const { runBatch, alice, bob } = harness;
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        const session = n % 3 === 0 ? bob : alice;
        const results = await runBatch(
          [
            ["select current_user, $1::int", [n]],
            ["insert into notes values ($1, $2)", [session.tenant, n + 1]],
            ["select owner from notes where n = any($1) and owner = $2", [[0], session.tenant]],
            ["select current_setting('transaction_isolation')"],
          ],
          { session, transaction: { isolation: "repeatable read" } },
        );
        const expected = [[[session.role, String(n)]], [], [[session.tenant]], [["repeatable read"]]];
        return { rows: results.map(({ rows }) => rows), expected };
      }),
    );
    expect(answers.filter(({ rows, expected }) => JSON.stringify(rows) !== JSON.stringify(expected))).toEqual([]);
  });

  it("pins what decides how values look, for the transaction alone", async () => {
    await harness.database.query(`alter role ${harness.login.user} set "TimeZone" = 'Asia/Tokyo'`);
    await harness.database.query(`alter role ${harness.login.user} set bytea_output = 'escape'`);
    const { rows } = await harness.run(`select '2026-02-03 04:05:06Z'::timestamptz, '\\x00ff'::bytea`);
    expect(rows).toEqual([["2026-02-03 04:05:06+00", "\\x00ff"]]);
  });

  it("undoes what is over a limit", async () => {
    const count = async (): Promise<unknown> => (await harness.run("select count(*) from notes")).rows;
    const before = await count();
    const sql = "insert into notes select 'alice', -i from generate_series(1, 5) i returning n";
    await expect(harness.run(sql, [], { limits: { maxRows: 4 } })).rejects.toMatchObject({
      code: "ROW_LIMIT_EXCEEDED",
    });
    expect(await count()).toEqual(before);
  });

  it("cancels what runs too long", async () => {
    const limits = { timeoutMs: 100 };
    await expect(harness.run("select pg_sleep(60)", [], { limits })).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  it("leaves nothing on the connections to the server", async () => {
    const clients: Client[] = [];
    for (let count = 0; count < SERVER_CONNECTIONS; count += 1) clients.push(await connect(pooler.connection));
    // An open transaction keeps a connection to the server, so each sees another one.
    const traces = await Promise.all(
      clients.map(async (client) => {
        await client.query("begin");
        return (await client.query<{ pid: number }>(TRACES_SQL)).rows[0];
      }),
    );
    const backends = await harness.database.query("select pid from pg_stat_activity where usename = $1", [
      harness.login.user,
    ]);
    for (const client of clients) await client.end();

    expect(new Set(traces.map((trace) => trace?.pid))).toEqual(new Set(backends.map(({ pid }) => pid as number)));
    expect(traces).toEqual(
      traces.map((trace) => ({
        pid: trace?.pid,
        has_own_role: true,
        statements: 0,
        cursors: 0,
        locks: 0,
        settings: [],
      })),
    );
    expect(traces).toHaveLength(SERVER_CONNECTIONS);
  });
});

describe.skipIf(!hasPgBouncer).each(VERSIONS)(
  "a gateway whose tenants' login is PgBouncer's, PostgreSQL %i",
  (version) => {
    it("serves two tenants over one connection to the server", async () => {
      const user = `pooled_${Date.now()}_${version}`;
      const first = await startTestGateway({
        version,
        prepare: async (empty) => {
          await empty.query(`create role ${user} login noinherit`);
        },
      });
      const pooler = await startPgBouncer({ ...first.database.connection, user }, 1);
      const config = { tenantConnection: pooler.connection, preparedStatements: false };
      const gateway = createGateway(testConfig(first.database, config));
      onTestFinished(async () => {
        await gateway.close();
        await pooler.close();
        await first.database.query(`drop owned by ${user}`);
        await first.close();
      });
      const { url } = await gateway.listen();
      const tenants = [await first.createTenant(), await first.createTenant()];

      for (const { token } of tenants) await ask(url, token, "create table notes (owner text)");
      for (const { token, id } of [...tenants, ...tenants]) {
        await ask(url, token, "insert into notes values ($1)", [id]);
        expect(await ask(url, token, "select distinct owner from notes")).toEqual([{ owner: id }]);
      }
      const sessions = "select count(*)::int as count from pg_stat_activity where usename = $1";
      expect(await first.database.query(sessions, [user])).toEqual([{ count: 1 }]);
    });

    async function ask(url: string, token: string, sql: string, params: readonly unknown[] = []): Promise<unknown> {
      const { status, text, body } = await post(url, token, { sql, params });
      if (status !== 200) throw new Error(`${sql}: ${text}`);
      return (body as { rows: unknown }).rows;
    }
  },
);
