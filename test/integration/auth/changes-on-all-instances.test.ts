// What an operator changes shows on every instance within one second, by no notice from anybody: each asks again. The second is
// asserted at five times; what was seen is printed.

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createGateway, type Gateway } from "../../../src/gateway.ts";
import { openSocket, readAnswers } from "../http/raw-http.ts";
import { connect } from "../../../src/postgres/connect.ts";
import { someoneWaits } from "../../support/someone-waits.ts";
import { createTestDatabase, type TestDatabase } from "../../support/cluster.ts";
import {
  type Answer,
  post,
  startTestGateway,
  testConfig,
  type TestGateway,
  type TestTenant,
} from "../../support/gateway.ts";

const DEADLINE_MS = 5_000;

let gateway: TestGateway;
let elsewhere: TestDatabase;
const others: Gateway[] = [];
const urls: string[] = [];

beforeAll(async () => {
  gateway = await startTestGateway();
  elsewhere = await createTestDatabase();
  urls.push(gateway.url);
  for (let count = 0; count < 2; count++) {
    const other = createGateway(testConfig(gateway.database), () => undefined);
    others.push(other);
    urls.push((await other.listen()).url);
  }
});
afterAll(async () => {
  await Promise.all(others.map((other) => other.close()));
  await gateway.close();
  await elsewhere.close();
});

/** What every instance says now, one text each. */
type Ask = (url: string) => Promise<string>;

async function untilAllSay(ask: Ask, expected: string): Promise<number> {
  const since = performance.now();
  const waitFor = async (url: string): Promise<void> => {
    let said = await ask(url);
    while (said !== expected && performance.now() - since < DEADLINE_MS) said = await ask(url);
    expect(said).toBe(expected);
  };
  await Promise.all(urls.map(waitFor));
  return performance.now() - since;
}

function summaryOf({ status, body }: Answer): string {
  const { rows, code } = body as { rows?: unknown; code?: string };
  return rows === undefined ? `${status} ${code ?? ""}` : JSON.stringify(rows);
}

function asker(token: string, sql = "select 1 as one"): Ask {
  return async (url) => summaryOf(await post(url, token, { sql }));
}

const socketUrl = (database: string): string =>
  `postgres://postgres@/${database}?host=${encodeURIComponent(gateway.database.connection.host)}`;

async function createDedicated(): Promise<TestTenant> {
  const [row] = await gateway.database.query(
    "insert into postgate_databases (name, backend_type, connection_string) values ('own', 'dedicated', $1) returning id",
    [socketUrl(gateway.database.connection.database)],
  );
  return gateway.tenantOf(String(row.id));
}

const SET_TOKEN = "where token_hash = encode(sha256(convert_to($1, 'UTF8')), 'hex')";
const TOKEN_ID = `(select id from postgate_tokens ${SET_TOKEN})`;

/** The token has been looked up. */
async function usedOnce(database: TestDatabase, token: string): Promise<void> {
  const usedAt = async (): Promise<unknown> =>
    (await database.query(`select last_used_at from postgate_tokens ${SET_TOKEN}`, [token]))[0]?.last_used_at;
  await expect.poll(usedAt, { timeout: DEADLINE_MS }).not.toBeNull();
}

interface Change {
  readonly what: string;
  /** `$1` is the token; `$2`, where it occurs, the name of another database. */
  readonly sql: string;
  readonly ask?: string;
  readonly before: string;
  readonly after: string;
}

const ONE = '[{"one":1}]';

const CHANGES: readonly Change[] = [
  { what: "a deleted token", sql: `delete from postgate_tokens ${SET_TOKEN}`, before: ONE, after: "401 UNAUTHORIZED" },
  { what: "a replaced token", sql: `select rotate_tenant_token(${TOKEN_ID})`, before: ONE, after: "401 UNAUTHORIZED" },
  {
    what: "an expired token",
    sql: `update postgate_tokens set expires_at = now() ${SET_TOKEN}`,
    before: ONE,
    after: "401 UNAUTHORIZED",
  },
  {
    what: "permissions",
    sql: `update postgate_tokens set allowed_operations = '{INSERT}' ${SET_TOKEN}`,
    before: ONE,
    after: "400 PARSE_ERROR",
  },
  {
    what: "max_rows",
    sql: `update postgate_databases set max_rows = 1 where id = (select database_id from postgate_tokens ${SET_TOKEN})`,
    ask: "select n from generate_series(1, 2) n",
    before: '[{"n":1},{"n":2}]',
    after: "400 ROW_LIMIT_EXCEEDED",
  },
  {
    what: "a tenant's own limit",
    sql: `update postgate_databases set max_result_bytes = 5 where id = (select database_id from postgate_tokens ${SET_TOKEN})`,
    before: ONE,
    after: "400 RESULT_TOO_LARGE",
  },
  {
    what: "a deleted tenant",
    sql: `select delete_tenant_database((select database_id from postgate_tokens ${SET_TOKEN}))`,
    before: ONE,
    after: "401 UNAUTHORIZED",
  },
];

describe("a change shows on three instances within one second", () => {
  it.each(CHANGES)("$what", async ({ what, sql, ask, before, after }) => {
    const { token } = await gateway.createTenant();
    await untilAllSay(asker(token, ask), before);
    await gateway.database.query(sql, [token]);
    console.info(`${what}: ${Math.round(await untilAllSay(asker(token, ask), after))} ms`);
  });

  const whileSending = CHANGES.filter(({ what }) => ["a deleted token", "permissions"].includes(what));
  it.each(whileSending)("$what, while a slow body is on its way", async ({ sql, ask = "select 1 as one", after }) => {
    const { token } = await gateway.createTenant();
    const body = JSON.stringify({ sql: ask });
    const socket = await openSocket(gateway.url);
    const head = [
      "POST /query HTTP/1.1",
      "host: x",
      `authorization: Bearer ${token}`,
      "content-type: application/json",
    ];
    socket.write([...head, `content-length: ${body.length}`, "", body.charAt(0)].join("\r\n"));
    await usedOnce(gateway.database, token);
    await gateway.database.query(sql, [token]);
    await untilAllSay(asker(token, ask), after);
    socket.write(body.slice(1));
    const [answer] = await readAnswers(socket, 1);
    socket.destroy();
    const { code } = answer?.body as { code?: string };
    expect(`${answer?.status ?? 0} ${code ?? ""}`).toBe(after);
  });

  it.each([
    ["a deleted token", `delete from postgate_tokens ${SET_TOKEN}`, "401 UNAUTHORIZED"],
    ["permissions", `update postgate_tokens set allowed_operations = '{SELECT}' ${SET_TOKEN}`, "503 UNAVAILABLE"],
    ["a use, which is no change of rights", `update postgate_tokens set last_used_at = now() ${SET_TOKEN}`, "[]"],
  ])("%s, while a statement waits for a connection", async (_, sql, after) => {
    const narrow = await startTestGateway({ config: { poolSize: 4 } }); // One connection for tenants' statements.
    onTestFinished(() => narrow.close());
    const tenant = await narrow.createTenant();
    await tenant.rows("create table slow (id int)");
    await tenant.rows("create table notes (id int)");
    const { token } = await tenant.withPermissions("SELECT", "INSERT");
    const [{ schema_name: schema }] = await narrow.database.query(
      "select schema_name from postgate_databases where name <> 'postgate_admin'",
    );
    const locker = await connect(narrow.database.connection);
    onTestFinished(() => locker.end());
    await locker.query(`begin; lock table "${String(schema)}".slow`);
    const holder = tenant.query("select * from slow");
    await expect.poll(() => someoneWaits(narrow.database), { timeout: DEADLINE_MS }).toBe(true);
    const waiting = post(narrow.url, token, { sql: "insert into notes values (1)" });
    await usedOnce(narrow.database, token);
    await narrow.database.query(sql, [token]);
    const since = performance.now();
    while (performance.now() - since < 1_000) await post(narrow.url, token, { sql: "" }); // It is known by now.
    await locker.query("rollback");
    expect((await holder).status).toBe(200);
    expect(summaryOf(await waiting)).toBe(after);
    expect(await tenant.rows("select * from notes")).toHaveLength(after === "[]" ? 1 : 0);
  });

  it("a connection string, whose pool is given up", async () => {
    const tenant = await createDedicated();
    const says = (database: string): string => JSON.stringify([{ current_database: database }]);
    const ask = asker(tenant.token, "select current_database()");
    await untilAllSay(ask, says(gateway.database.connection.database));
    const other = elsewhere.connection.database;
    await gateway.database.query("update postgate_databases set connection_string = $1 where id = $2", [
      socketUrl(other),
      tenant.id,
    ]);
    console.info(`a connection string: ${Math.round(await untilAllSay(ask, says(other)))} ms`);
  });
});

describe("while the metadata cannot be read", () => {
  it("no instance trusts what it knows of a token for longer than a second", async () => {
    const { token } = await gateway.createTenant();
    const ask = asker(token);
    await untilAllSay(ask, ONE);
    // As an operator's mistake would, or an outage of the one table: the tenant's own data can be reached all the time.
    await gateway.database.query("alter table postgate_tokens rename to hidden_tokens");
    try {
      console.info(`unreadable metadata: ${Math.round(await untilAllSay(ask, "503 UNAVAILABLE"))} ms`);
    } finally {
      await gateway.database.query("alter table hidden_tokens rename to postgate_tokens");
    }
    await untilAllSay(ask, ONE);
  });
});
