// Tests libpq's sslmodes with PostgreSQL's own TLS, for DATABASE_URL and for dedicated databases.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../../src/config/load-config.ts";
import { createGateway } from "../../../src/gateway.ts";
import { createLog } from "../../../src/observability/log.ts";
import { connect } from "../../../src/postgres/connect.ts";
import { type ConnectionSettings, parseConnectionUrl } from "../../../src/postgres/connection-settings.ts";
import type { TestDatabase } from "../../support/cluster.ts";
import { type Answer, post, startTestGateway, testConfig, type TestGateway } from "../../support/gateway.ts";
import { queryAs } from "../migration/support.ts";
import { AUTHORITY, OTHER_AUTHORITY } from "./tls-front.ts";
import { startTlsServer, type TlsServer } from "./tls-server.ts";

const PASSWORD = "canary-hunter2";
const IS_TLS = "select ssl from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()";

let server: TlsServer;
beforeAll(async () => {
  server = await startTlsServer();
  await queryAs(
    server.socket,
    `create role canary_login login password '${PASSWORD}'; create role canary_app; grant canary_app to canary_login;
     create schema authorization canary_app; create table canary_app.notes (id int); alter table canary_app.notes owner to canary_app`,
  );
  await queryAs(server.socket, `create role operator superuser login password '${PASSWORD}'`);
  await queryAs(server.socket, "create database shared");
});
afterAll(() => server.close());

const urlTo = (query: string, { user = "canary_login", database = "postgres" } = {}): string =>
  `postgres://${user}:${PASSWORD}@localhost:${server.port}/${database}?${query}`;

/** URL parameters of an operator, and the error that they cause, or undefined if the connection is made. */
const MODES = [
  { query: "", says: undefined },
  { query: "sslmode=require", says: undefined },
  { query: "sslmode=require&channel_binding=require", says: undefined },
  { query: `sslmode=require&sslrootcert=${AUTHORITY}`, says: undefined },
  { query: `sslmode=verify-ca&sslrootcert=${AUTHORITY}`, says: undefined },
  { query: `sslmode=verify-ca&sslrootcert=${AUTHORITY}&host=127.0.0.1`, says: undefined },
  { query: `sslmode=verify-full&sslrootcert=${AUTHORITY}`, says: undefined },
  { query: "sslmode=disable", says: /no pg_hba.conf entry/ },
  { query: `sslmode=require&sslrootcert=${OTHER_AUTHORITY}`, says: /unable to verify/ },
  { query: "sslmode=verify-ca", says: /needs sslrootcert/ },
  { query: `sslmode=verify-ca&sslrootcert=${OTHER_AUTHORITY}`, says: /unable to verify/ },
  { query: `sslmode=verify-full&sslrootcert=${OTHER_AUTHORITY}`, says: /unable to verify/ },
  { query: `sslmode=verify-full&sslrootcert=${AUTHORITY}&host=127.0.0.1`, says: /does not match/ },
  { query: "sslmode=verify-full", says: /unable to verify/ },
] as const;

describe("a connection to PostgreSQL with TLS", () => {
  it.each(MODES.filter(({ says }) => says === undefined))("is made with $query", async ({ query }) => {
    expect(await queryAs(parseConnectionUrl(urlTo(query)), IS_TLS)).toEqual([{ ssl: true }]);
  });

  it.each(MODES.filter(({ says }) => says !== undefined))("is refused with $query: $says", async ({ query, says }) => {
    const failure = connect(parseConnectionUrl(urlTo(query)));
    await expect(failure).rejects.toThrow(says);
    await expect(failure).rejects.not.toThrow(PASSWORD);
  });
});

describe("DATABASE_URL with TLS", () => {
  it.each(["require", `verify-ca&sslrootcert=${AUTHORITY}`, `verify-full&sslrootcert=${AUTHORITY}`])(
    "serves with sslmode=%s, and every connection is encrypted",
    async (mode) => {
      const connection = parseConnectionUrl(urlTo(`sslmode=${mode}`, { user: "operator", database: "shared" }));
      const gateway = createGateway(configFor(connection), () => undefined);
      try {
        const { url } = await gateway.listen();
        const [row] = await queryAs(
          connection,
          `select token from create_tenant_database('t') as d, create_tenant_token(d.id, gen_random_uuid()::text, '{SELECT,CREATE}')`,
        );
        expect(await post(url, row.token, { sql: "create table t (id int)" })).toMatchObject({ status: 200 });
        expect(await post(url, row.token, { sql: "select * from t" })).toMatchObject({ status: 200 });
        const used = await queryAs(
          { ...server.socket, database: "shared" },
          `select distinct split_part(usename, '_', 2) as login, ssl from pg_stat_activity join pg_stat_ssl using (pid)
           where datname = 'shared' and usename ~ '^postgate_' order by 1`,
        );
        expect(used).toEqual([
          { login: "auth", ssl: true },
          { login: "exec", ssl: true },
        ]);
      } finally {
        await gateway.close();
      }
    },
  );

  it("stops the start if the server's certificate does not match its host, and does not show the password", async () => {
    const query = `sslmode=verify-full&sslrootcert=${AUTHORITY}&host=127.0.0.1`;
    const gateway = createGateway(configFor(parseConnectionUrl(urlTo(query, { user: "operator" }))), () => undefined);
    const failure = gateway.listen();
    await expect(failure).rejects.toThrow(/does not match/);
    await expect(failure).rejects.not.toThrow(PASSWORD);
    await gateway.close();
  });
});

describe("a dedicated database with TLS", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway({ config: { dedicatedHosts: ["127.0.0.0/8", "::1/128", "localhost"] } });
  });
  afterAll(() => gateway.close());

  async function ask(url: string, sql: string): Promise<Answer> {
    const [row] = await gateway.database.query(
      "insert into postgate_databases (name, backend_type, connection_string) values ('own', 'dedicated', $1) returning id",
      [url],
    );
    return (await gateway.tenantOf(row.id)).query(sql);
  }

  /** Returns the log of everything that the gateway has observed. */
  function readLog(): string {
    let log = "";
    const observe = createLog({ level: "trace", destination: { write: (line: string) => (log += line) } });
    for (const observation of gateway.observations) observe(observation);
    return log;
  }

  it.each(MODES)("is served or refused as sslmode demands with $query", async ({ query, says }) => {
    const answer = await ask(urlTo(query), "select current_user as login");

    if (says === undefined) expect(answer).toMatchObject({ status: 200, body: { rows: [{ login: "canary_login" }] } });
    else
      expect(answer).toMatchObject({
        status: 503,
        body: { code: "UNAVAILABLE", error: "The database cannot be reached" },
      });
    expect(answer.text).not.toMatch(/canary-|localhost|127\.0\.0\.1|\.pem/);
    if (says !== undefined) expect(readLog()).toMatch(says);
    expect(readLog()).not.toMatch(/canary-hunter2|postgres:\/\/canary/);
  });

  it("runs each statement as the role that the connection's options set", async () => {
    const url = urlTo(`sslmode=require&options=-c%20role%3Dcanary_app%20-c%20search_path%3Dcanary_app`);
    const [row] = await gateway.database.query(
      "insert into postgate_databases (name, backend_type, connection_string) values ('role', 'dedicated', $1) returning id",
      [url],
    );
    const tenant = await gateway.tenantOf(row.id);
    const reader = await tenant.withPermissions("SELECT");

    for (const each of [tenant, reader, tenant])
      expect(await each.rows("select current_user as login, count(*) from notes")).toEqual([
        { login: "canary_app", count: 0 },
      ]);
    await tenant.rows("create table mine (id int)");
    expect(
      await queryAs(server.socket, "select relowner::regrole::text as owner from pg_class where relname = 'mine'"),
    ).toEqual([{ owner: "canary_app" }]);
  });

  it("shows nothing of the connection string in an error of PostgreSQL", async () => {
    const answer = await ask(urlTo("sslmode=require"), "select * from nowhere");

    expect(answer).toMatchObject({ status: 500, body: { sqlstate: "42P01" } });
    expect(answer.text).not.toMatch(/canary/);
    expect(readLog()).not.toMatch(/canary-hunter2|postgres:\/\/canary/);
  });
});

function configFor(connection: ConnectionSettings): Config {
  return testConfig({ connection } as TestDatabase);
}
