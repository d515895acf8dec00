// Section 6 of the public contract: configuration. Other tests check the rest: test/unit/config and test/docs the default and the
// accepted form of every setting, test/integration/postgres the meaning of sslmode, and test/e2e the embedded PostgreSQL.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createGateway } from "../../src/gateway.ts";
import { useBuiltCli, runCli, startCli } from "../support/cli.ts";
import { createTestDatabase, openToEverybody, type TestDatabase } from "../support/cluster.ts";
import { type Answer, post, startTestGateway, testConfig } from "../support/gateway.ts";
import { makeFolder } from "../integration/embedded/data-dirs.ts";

let database: TestDatabase;

useBuiltCli();

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const urlOf = ({ connection }: TestDatabase): string =>
  `postgres://postgres@/${connection.database}?host=${connection.host}&port=${connection.port}`;

const partsOf = ({ connection }: TestDatabase): Record<string, string> => ({
  POSTGRES_HOST: connection.host,
  POSTGRES_USER: "postgres",
  POSTGRES_PASSWORD: "",
  POSTGRES_DB: connection.database,
});

/** Runs a command on the database that the settings name. */
async function listWith(env: Record<string, string>, file = ""): Promise<{ code: number | null; stderr: string }> {
  const cwd = await makeFolder();
  if (file !== "") writeFileSync(join(cwd, ".env"), file);
  const { code, stderr } = await runCli(["list-dbs"], { cwd, env });
  return { code, stderr };
}

describe("the database of a command", { timeout: 60_000 }, () => {
  const works = { code: 0, stderr: "" };
  const failsWith = (pattern: RegExp): unknown => ({ code: 1, stderr: expect.stringMatching(pattern) as unknown });

  it("is set by DATABASE_URL", async () => {
    expect(await listWith({ DATABASE_URL: urlOf(database) })).toEqual(works);
  });

  it("is set by the POSTGRES_ variables, whose port is 5432 by default", async () => {
    expect(await listWith(partsOf(database))).toEqual(works);
    expect(await listWith({ ...partsOf(database), POSTGRES_PORT: "5433" })).toEqual(
      failsWith(/^error: cannot connect/),
    );
  });

  it("is refused with the names of the missing variables when only some POSTGRES_ variables are set", async () => {
    const some = { POSTGRES_HOST: database.connection.host, POSTGRES_PASSWORD: "" };
    expect(await listWith(some)).toEqual(
      failsWith(/^error: bad configuration: POSTGRES_USER, POSTGRES_DB: must be set[^\n]*\n$/),
    );
  });

  it("is read from .env in the working directory, unless the environment sets it", async () => {
    const file = `DATABASE_URL="${urlOf(database)}"\n`;
    expect(await listWith({}, file)).toEqual(works);
    expect(await listWith({ DATABASE_URL: "postgres://x@127.0.0.1:1/y" }, file)).toEqual(failsWith(/127\.0\.0\.1:1/));
  });

  it("is not read from PG* variables, and must be set when POSTGATE_EMBEDDED is off", async () => {
    const pgVariables = {
      PGHOST: database.connection.host,
      PGUSER: "postgres",
      PGDATABASE: database.connection.database,
    };
    expect(await listWith({ ...pgVariables, POSTGATE_EMBEDDED: "off" })).toEqual(
      failsWith(/^error: bad configuration: DATABASE_URL: must be set[^\n]*\n$/),
    );
    const hostile = {
      PGHOST: "127.0.0.1",
      PGPORT: "1",
      PGUSER: "x",
      PGOPTIONS: "-c nonsense=1",
      PGSSLMODE: "verify-full",
    };
    expect(await listWith({ ...hostile, DATABASE_URL: urlOf(database) })).toEqual(works);
  });

  it("is refused when a newer version of Postgate has migrated it", async () => {
    const newer = await createTestDatabase();
    onTestFinished(() => newer.close());
    expect(await listWith({ DATABASE_URL: urlOf(newer) })).toEqual(works);
    await newer.query(
      "insert into postgate_private.migrations (version, name, checksum) values (9999, '9999_future', 'x')",
    );

    expect(await listWith({ DATABASE_URL: urlOf(newer) })).toEqual(failsWith(/^error: [^\n]*newer[^\n]*\n$/));
  });
});

it("all bad settings are reported together, each with its name and its accepted form", async () => {
  const { code, stderr } = await listWith({ POSTGATE_PORT: "x", MAX_BODY_SIZE_MB: "0", POSTGATE_LOG_LEVEL: "loud" });

  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: bad configuration: [^\n]+\n$/);
  for (const part of [
    'POSTGATE_PORT="x": must be a whole number from 0 to 65535',
    'MAX_BODY_SIZE_MB="0": must be a whole number from 1 to ',
    'POSTGATE_LOG_LEVEL="loud": must be one of ',
  ])
    expect(stderr).toContain(part);
});

describe("postgate serve", { timeout: 60_000 }, () => {
  it("takes its address and its limits from the environment", async () => {
    const port = freePort();
    const env = {
      DATABASE_URL: urlOf(database),
      POSTGATE_HOST: "localhost",
      POSTGATE_PORT: String(port),
      POSTGATE_LOG_LEVEL: "info",
      MAX_BODY_SIZE_MB: "1",
      POSTGATE_MAX_SQL_KB: "1",
      POSTGATE_MAX_RESULT_MB: "1",
      POSTGATE_QUERY_TIMEOUT_MS: "300",
    };
    const server = startCli([], { cwd: await makeFolder(), env });
    await server.until("stderr", /"listening"/);
    const url = `http://localhost:${port}`;
    const [made] = await database.query("select id from create_tenant_database('limits', 1000000)");
    const [{ token }] = (await database.query("select token from create_tenant_token($1)", [made.id])) as [
      { token: string },
    ];
    const codeOf = async (sql: string, params?: unknown): Promise<unknown> => {
      const { body } = await post(url, token, { sql, params });
      return (body as { code?: string }).code;
    };

    expect(await codeOf("select $1::text", ["x".repeat(1_100_000)])).toBe("PAYLOAD_TOO_LARGE");
    expect(await codeOf(`select '${"x".repeat(1_100)}'`)).toBe("PARSE_ERROR");
    expect(await codeOf("select repeat('x', 1100000)")).toBe("RESULT_TOO_LARGE");
    expect(await codeOf("select count(*) from generate_series(1, 1000000000)")).toBe("TIMEOUT");
    expect(await codeOf("select 1")).toBeUndefined();
  });
});

/** Returns a port that was free a moment ago. */
function freePort(): number {
  const script =
    "const s = require('net').createServer().listen(0, () => { console.log(s.address().port); s.close() })";
  return Number(spawnSync(process.execPath, ["-e", script], { encoding: "utf8" }).stdout);
}

it("POSTGATE_TENANT_DATABASE_URL is the login of tenants' statements", async () => {
  const user = `tenants_${Date.now()}`;
  const database = await createTestDatabase();
  await database.query(`create role ${user} login noinherit`);
  await openToEverybody(database);
  const tenantConnection = { ...database.connection, user };
  const gateway = await startTestGateway({ database, config: { tenantConnection } });
  onTestFinished(async () => {
    await gateway.database.query(`drop owned by ${user}`);
    await gateway.close();
  });
  const tenant = await gateway.createTenant();

  expect((await tenant.query("select 1 as one")).status).toBe(200);

  const logins = await gateway.database.query(
    "select distinct usename::text as login from pg_stat_activity where datname = current_database() and usename not in ('postgres')",
  );
  expect(logins).toContainEqual({ login: user });
  expect(logins).not.toContainEqual({ login: expect.stringMatching(/^postgate_exec_/) as string });
});

describe("POSTGATE_POOL_SIZE", { timeout: 60_000 }, () => {
  const POOL_SIZE = 8;
  const QUERIES = 50;

  it("bounds the connections to the shared database, and queries beyond them wait", async () => {
    const gateway = await startTestGateway({ config: { poolSize: POOL_SIZE } });
    onTestFinished(() => gateway.close());
    const tenants = await Promise.all([1, 2, 3, 4, 5].map(() => gateway.createTenant()));
    for (const tenant of tenants) await tenant.rows("create table busy (id int)");
    const blocker = new pg.Client({ ...gateway.database.connection, password: "" });
    await blocker.connect();
    onTestFinished(() => blocker.end());
    const { rows } = await blocker.query<{ name: string }>(
      "select oid::regclass::text as name from pg_class where relname = 'busy'",
    );
    await blocker.query(`begin; lock table ${rows.map(({ name }) => name).join(", ")} in access exclusive mode`);

    const running = tenants.flatMap((tenant) =>
      Array.from({ length: QUERIES / tenants.length }, () => tenant.query("select count(*) from busy")),
    );
    const admin = [...Array(QUERIES).keys()].map(() => gateway.admin.query("select count(*) from postgate_databases"));
    await Promise.all(admin);
    await expect
      .poll(() => countConnections(gateway.database, "wait_event_type = 'Lock'"), { timeout: 20_000 })
      .toBe(POOL_SIZE - 3);
    expect(await countConnections(gateway.database, "usename ~ '^postgate_'")).toBeLessThanOrEqual(POOL_SIZE);
    await blocker.query("rollback");

    expect((await Promise.all(running)).map(({ status }) => status)).toEqual(Array(QUERIES).fill(200));
  });

  it("does not limit the number of a tenant's queries, which wait and are all answered", async () => {
    const gateway = await startTestGateway({ config: { poolSize: 1 } });
    onTestFinished(() => gateway.close());
    const tenant = await gateway.createTenant();

    const answers: Answer[] = await Promise.all(
      [...Array(QUERIES).keys()].map((n) => tenant.query("select $1::int as n", [n])),
    );

    expect(answers.map(({ status }) => status)).toEqual(Array(QUERIES).fill(200));
  });
});

async function countConnections(on: TestDatabase, condition: string): Promise<number> {
  const [row] = await on.query(
    `select count(*)::int as n from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and ${condition}`,
  );
  return (row as { n: number }).n;
}

describe("migrations at start", { timeout: 120_000 }, () => {
  it("are safe when twenty instances start at once on one empty database", async () => {
    const empty = await createTestDatabase();
    const instances = [...Array(20).keys()].map(() => createGateway(testConfig(empty, { poolSize: 4 })));
    onTestFinished(async () => {
      await Promise.all(instances.map((instance) => instance.close()));
      await empty.close();
    });

    const urls = await Promise.all(instances.map(async (instance) => (await instance.listen()).url));

    const [made] = await empty.query("select id from create_tenant_database('shared')");
    const [{ token }] = (await empty.query("select token from create_tenant_token($1)", [made.id])) as [
      { token: string },
    ];
    const answers = await Promise.all(urls.map((url) => post(url, token, { sql: "select 1 as one" })));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(
      await empty.query(
        "select version, count(*)::int from postgate_private.migrations group by version having count(*) > 1",
      ),
    ).toEqual([]);
  });
});
