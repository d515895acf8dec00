// Attacks the whole gateway by other means than SQL text: by bodies, headers, tokens and connections.

import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { exchange, openSocket } from "../integration/http/raw-http.ts";
import { type Answer, post, startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

const ENDLESS = "select count(*) from generate_series(1, 100000000000)";
const INSERTS_ENDLESSLY = `insert into notes select 9, count(*)::text from generate_series(1, 100000000000)`;

let gateway: TestGateway;
let tenant: TestTenant;
let reader: TestTenant;

beforeAll(async () => {
  // There is one connection, so a request that keeps it would make all others wait.
  gateway = await startTestGateway({ config: { poolSize: 1, maxBodyBytes: 1024 * 1024 } });
  tenant = await gateway.createTenant();
  reader = await tenant.withPermissions("SELECT");
  await tenant.rows("create table notes (id int, body text)");
});
beforeEach(() => tenant.rows("truncate notes"));
afterAll(() => gateway.close());

const send = (body: string | Uint8Array, { token } = reader): Promise<Answer> => postBytes(Buffer.from(body), token);

async function postBytes(body: Uint8Array<ArrayBuffer>, token: string, encoding = "identity"): Promise<Answer> {
  const response = await fetch(`${gateway.url}/query`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "content-encoding": encoding },
    body,
  });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text) as unknown, headers: response.headers };
}

function head(token: string, ...more: string[]): string {
  const lines = ["POST /query HTTP/1.1", "Host: x", `Authorization: Bearer ${token}`, "Content-Type: application/json"];
  return [...lines, ...more, "", ""].join("\r\n");
}

/** Returns the number of the endless statements that run now. */
async function running(): Promise<number> {
  const rows = await gateway.database.query(
    "select 1 from pg_stat_activity where datname = current_database() and state = 'active' and query like '%100000000000%' and pid <> pg_backend_pid()",
  );
  return rows.length;
}

describe("a large body of a token without permissions", () => {
  it.each([
    ["one that is right", `{"sql":"select 1","note":"${"x".repeat(100_000)}"}`],
    ["one that is no JSON", "{".repeat(100_000)],
  ])("is refused before it is read: %s", async (_what, body) => {
    const powerless = await tenant.withPermissions();
    expect(await send(body, powerless)).toMatchObject({
      status: 400,
      body: { code: "PARSE_ERROR", reason: "OPERATION_NOT_ALLOWED", error: "The token has no permissions" },
    });
    // A small body is read and judged as usual.
    expect(await send('{"sql":"delete from notes"}', powerless)).toMatchObject({
      body: { error: "Operation DELETE is not allowed" },
    });
  });
});

describe("a body", () => {
  it.each([
    ["a driver's query object as sql", '{"sql":{"text":"select 1","values":[]}}'],
    ["an array of statements as sql", '{"sql":["select 1","select 2"]}'],
    ["sql on the prototype", '{"__proto__":{"sql":"select 1"}}'],
    ["params as an object with a length", '{"sql":"select $1::int","params":{"0":1,"length":1}}'],
    ["65,536 parameters", `{"sql":"select 1","params":[${"1,".repeat(65_535)}1]}`],
    ["arrays nested without end", `{"sql":"select $1::int[]","params":[${"[".repeat(2_000)}${"]".repeat(2_000)}]}`],
    ["no end of brackets", `{"sql":"select 1","params":${"[".repeat(500_000)}`],
    ["bytes that are no UTF-8", Buffer.from([...Buffer.from('{"sql":"select 1 --'), 0xff, ...Buffer.from('"}')])],
    ["half a surrogate pair in bytes", Buffer.from('{"sql":"select \'\xed\xa0\x80\'"}', "latin1")],
    ["UTF-16", Buffer.from('\ufeff{"sql":"select 1"}', "utf16le")],
    ["NUL behind a statement", '{"sql":"select 1 \\u0000; drop table notes"}'],
  ])("is answered INVALID_REQUEST: %s", async (_what, body) => {
    expect(await send(body)).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
  });

  it("is judged by the value that would run if it has a key twice", async () => {
    const writes = `insert into notes values (1, 'x')`;
    expect((await send(`{"sql":"select 1","sql":"${writes}"}`)).body).toMatchObject({
      reason: "OPERATION_NOT_ALLOWED",
    });
    expect((await send(`{"sql":"${writes}","\\u0073ql":"select 1 as one"}`)).body).toMatchObject({
      rows: [{ one: 1 }],
    });
    expect((await send('{"sql":"select $1::int as a","params":[1],"params":[2]}')).body).toMatchObject({
      rows: [{ a: 2 }],
    });
    await expect(tenant.rows("select * from notes")).resolves.toEqual([]);
  });

  it("is refused while still compressed if it would unpack to a thousand times its size", async () => {
    const bomb = gzipSync(Buffer.from(`{"sql":"select '${" ".repeat(50_000_000)}'"}`));
    expect(bomb.length).toBeLessThan(100_000);
    expect(await postBytes(bomb, reader.token, "gzip")).toMatchObject({
      status: 415,
      body: { code: "UNSUPPORTED_MEDIA_TYPE" },
    });
  });

  it("does not keep others waiting if it never ends", async () => {
    const sockets = await Promise.all(Array.from({ length: 50 }, () => openSocket(gateway.url)));
    for (const socket of sockets) socket.write(`${head(tenant.token, "Content-Length: 1000")}{"sql":"`);
    expect((await reader.query("select 1")).status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });
});

describe("a token", () => {
  it("is refused if the request has a second one, whichever comes first", async () => {
    const body = '{"sql":"select 1"}';
    for (const [first, second] of [
      [tenant.token, `pg_${"0".repeat(64)}`],
      [`pg_${"0".repeat(64)}`, tenant.token],
      [tenant.token, tenant.token],
    ] as const) {
      const both = head(first, `authorization: ${second}`, `Content-Length: ${body.length}`);
      expect(await exchange(gateway.url, both + body)).toMatchObject([{ status: 401 }]);
    }
  });

  it("gets the same answer if it is unknown, malformed, deleted or half of a valid one", async () => {
    const deleted = await tenant.withPermissions("SELECT");
    await gateway.database.query("delete from postgate_tokens where token_hash = encode(sha256($1::bytea), 'hex')", [
      Buffer.from(deleted.token),
    ]);
    const unknown = Array.from({ length: 5 }, () => `pg_${randomBytes(32).toString("hex")}`);
    const halves = [tenant.token.slice(0, 35) + "0".repeat(32), tenant.token.slice(0, -1), `${tenant.token}0`];
    const tokens = [...unknown, ...halves, deleted.token, "pg_", "x", "' or 1=1 --", tenant.token.toUpperCase()];
    const answers = await Promise.all(tokens.map((token) => post(gateway.url, token, { sql: "select 1" })));
    const shown = answers.map(({ status, text, headers }) => {
      const kept = [...headers].filter(([name]) => !["date", "x-request-id"].includes(name));
      return JSON.stringify([status, text, kept]);
    });
    expect([...new Set(shown)]).toHaveLength(1);
    expect(answers[0]?.status).toBe(401);
  });

  it("starts no new query once it is revoked, and its aborted query leaves no rows behind", async () => {
    const thief = await tenant.withPermissions("SELECT", "INSERT");
    const controller = new AbortController();
    const query = fetch(`${gateway.url}/query`, {
      method: "POST",
      headers: { authorization: thief.token, "content-type": "application/json" },
      body: JSON.stringify({ sql: INSERTS_ENDLESSLY }),
      signal: controller.signal,
    });
    const cut = expect(query).rejects.toThrow("aborted");
    await expect.poll(running).toBe(1);
    await gateway.database.query("delete from postgate_tokens where token_hash = encode(sha256($1::bytea), 'hex')", [
      Buffer.from(thief.token),
    ]);
    // The only connection is in use, so this asks with an empty query, which needs none.
    await expect.poll(async () => (await thief.query("")).status, { timeout: 5_000 }).toBe(401);
    controller.abort();
    await cut;
    await expect.poll(running, { timeout: 10_000 }).toBe(0);
    await expect(tenant.rows("select * from notes")).resolves.toEqual([]);
  });
});

describe("a client that disconnects during its query", () => {
  it.each([ENDLESS, INSERTS_ENDLESSLY, `with n as (${INSERTS_ENDLESSLY} returning id) select * from n`])(
    "ends its statement and frees the connection: %s",
    async (sql) => {
      const body = JSON.stringify({ sql });
      const socket = await openSocket(gateway.url);
      socket.write(head(tenant.token, `Content-Length: ${body.length}`) + body);
      await expect.poll(running).toBe(1);
      socket.destroy();
      // This query needs the only connection, so that must be free again.
      await expect(tenant.rows("select * from notes")).resolves.toEqual([]);
      await expect.poll(running, { timeout: 10_000 }).toBe(0);
    },
  );

  it("does not keep the gateway from serving others, even a hundred times at once", async () => {
    const body = JSON.stringify({ sql: ENDLESS });
    const text = head(tenant.token, `Content-Length: ${body.length}`) + body;
    const sockets = await Promise.all(Array.from({ length: 100 }, () => openSocket(gateway.url)));
    for (const socket of sockets) socket.write(text);
    await expect.poll(running).toBe(1);
    for (const socket of sockets) socket.destroy();
    expect((await reader.query("select 1")).status).toBe(200);
    await expect.poll(running, { timeout: 10_000 }).toBe(0);
  });
});
