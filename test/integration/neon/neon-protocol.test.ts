// POST /sql as clients without Neon's driver see it, and the doors that it must not open.

import { exchange } from "../http/raw-http.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, post, startTestGateway, type TestGateway, type TestTenant } from "../../support/gateway.ts";

let gateway: TestGateway;
let tenant: TestTenant;
let logged = "";

beforeAll(async () => {
  gateway = await startTestGateway({ config: { neon: true, maxBodyBytes: 1024 * 1024 } });
  tenant = await gateway.createTenant({ name: "acme" });
  await tenant.rows("create table notes (id int, tags text[], doc jsonb)");
});
afterAll(() => gateway.close());

const urlOf = (token: string, rest = "@db.example.com/acme"): string => `postgresql://app:${token}${rest}`;

async function send(body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${gateway.url}/sql`, {
    method: "POST",
    headers: { "neon-connection-string": urlOf(tenant.token), ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text) as unknown, headers: response.headers };
}

const RAW = { "neon-raw-text-output": "true" };
const ARRAYS = { "neon-array-mode": "true" };

describe("POST /sql", () => {
  it("answers a single query to the letter", async () => {
    const answer = await send({ query: "select 1::int as id, 'x' as v, null as n", params: [] }, { ...RAW, ...ARRAYS });
    expect([answer.status, answer.text]).toEqual([
      200,
      '{"fields":[{"name":"id","dataTypeID":23,"tableID":0,"columnID":0,"dataTypeSize":4,"dataTypeModifier":-1,"format":"text"},' +
        '{"name":"v","dataTypeID":25,"tableID":0,"columnID":0,"dataTypeSize":-1,"dataTypeModifier":-1,"format":"text"},' +
        '{"name":"n","dataTypeID":25,"tableID":0,"columnID":0,"dataTypeSize":-1,"dataTypeModifier":-1,"format":"text"}],' +
        '"rows":[["1","x",null]],"command":"SELECT","rowCount":1,"rowAsArray":true}',
    ]);
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
  });

  it("answers an empty batch with no results", async () => {
    expect((await send({ queries: [] })).text).toBe('{"results":[]}');
  });

  it.each(["text/plain;charset=UTF-8", "application/sql", "application/json", "nonsense"])(
    "takes a body of type %s",
    async (type) => {
      expect((await send({ query: "select 1 as n" }, { "content-type": type })).body.rows).toEqual([{ n: 1 }]);
    },
  );

  it.each<[string, unknown]>([
    ["1::int2", 1],
    ["2::int4", 2],
    ["3::int8", "3"],
    ["1.5::float8", 1.5],
    ["'NaN'::float8", "NaN"],
    ["1.50::numeric", "1.50"],
    ["true", true],
    ["'{\"a\": 1}'::jsonb", { a: 1 }],
    ["'2026-02-03 04:05:06+00'::timestamptz", "2026-02-03 04:05:06+00"],
    ["7::oid", "7"],
    ["array[1, null]", [1, null]],
    ["array[1::int8]", ["1"]],
    ["'{}'::int[]", []],
    ["'{}'::text[]", []],
    ["array['a b', null]", ["a b", null]],
  ])("writes %s as Neon does where text is not asked for", async (expression, value) => {
    expect((await send({ query: `select ${expression} as v` })).body.rows).toEqual([{ v: value }]);
  });

  it.each<[unknown, string]>([
    [{ query: "select $1::int as v", params: [42] }, "42"],
    [{ query: "select $1 as v", params: [42] }, "42"],
    [{ query: "select $1::bool as v", params: [true] }, "t"],
    [{ query: "select $1::int[] as v", params: [[1, null, [2]].slice(0, 2)] }, "{1,NULL}"],
    [{ query: "select $1::text[] as v", params: [['a"b', "c"]] }, String.raw`{"a\"b",c}`],
    [{ query: "select $1::jsonb as v", params: [{ a: 1 }] }, '{"a": 1}'],
    [{ query: "select $1::jsonb as v", params: [[1]] }, "[1]"],
  ])("takes parameters that are no strings: %j", async (body, text) => {
    expect((await send(body, RAW)).body.rows).toEqual([{ v: text }]);
  });

  it("lets each query of a batch choose its rows, and echoes what was asked of the transaction", async () => {
    const answer = await send(
      { queries: [{ query: "select 1 as n", arrayMode: false }, { query: "select 2 as n" }] },
      {
        ...ARRAYS,
        "neon-batch-isolation-level": "Serializable",
        "neon-batch-read-only": "true",
        "neon-batch-deferrable": "false",
      },
    );
    expect(answer.body.results.map(({ rows, rowAsArray }: Record<string, unknown>) => [rows, rowAsArray])).toEqual([
      [[{ n: 1 }], false],
      [[[2]], true],
    ]);
    expect(answer.headers.get("neon-batch-isolation-level")).toBe("Serializable");
    expect(answer.headers.get("neon-batch-read-only")).toBe("true");
    expect(answer.headers.get("neon-batch-deferrable")).toBeNull();
  });

  it("names the query of a batch that failed", async () => {
    const answer = await send({ queries: [{ query: "select 1" }, { query: "select 1 / 0" }] });
    expect(answer.body).toMatchObject({ code: "22012", queryIndex: 1 });
  });

  it("gives every key of an error, and the request's id", async () => {
    const answer = await send({ query: "select 1 / 0" }, { "x-request-id": "mine" });
    expect(Object.keys(answer.body as object)).toEqual([
      "message", "code", "detail", "hint", "position", "internalPosition", "internalQuery", "severity", "where", "table",
      "column", "schema", "dataType", "constraint", "file", "line", "routine", "queryIndex",
    ]); // prettier-ignore
    expect(answer.headers.get("neon-request-id")).toBe("mine");
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  });

  it.each<[string, unknown, Record<string, string>, object]>([
    ["a body that is no JSON", "{", {}, { code: "08P01" }],
    ["an empty body", "", {}, { code: "08P01" }],
    ["a body without a query", {}, {}, { code: "08P01" }],
    ["queries that are no list", { queries: {} }, {}, { code: "08P01" }],
    ["a query that is no string", { query: 1 }, {}, { code: "08P01" }],
    ["a level that there is not", { queries: [] }, { "neon-batch-isolation-level": "serializable" }, { code: "08P01" }],
    ["a compressed body", { query: "select 1" }, { "content-encoding": "gzip" }, { code: "08P01" }],
    ["NUL", { query: "select $1", params: ["\0"] }, {}, { code: "08P01" }],
  ])("answers 400 to %s", async (_, body, headers, error) => {
    const answer = await send(body, headers);
    expect([answer.status, answer.body]).toEqual([400, expect.objectContaining(error)]);
  });

  it("answers other methods as the other routes do, and OPTIONS for browsers", async () => {
    const get = await fetch(`${gateway.url}/sql`);
    expect([get.status, get.headers.get("allow")]).toEqual([405, "OPTIONS, POST"]);
    const preflight = await fetch(`${gateway.url}/sql`, {
      method: "OPTIONS",
      headers: { origin: "https://app.example" },
    });
    expect([preflight.status, await preflight.text()]).toEqual([200, ""]);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
    expect(preflight.headers.get("access-control-max-age")).toBe("86400");
    for (const name of ["Authorization", "Neon-Connection-String", "Neon-Raw-Text-Output", "Neon-Batch-Deferrable"])
      expect(preflight.headers.get("access-control-allow-headers")).toContain(name);
  });
});

describe("the token", () => {
  const query = { query: "select 1 as n" };

  it.each<[string, (token: string) => string]>([
    ["postgres", (token) => `postgres://app:${token}@db.example.com/acme`],
    ["a port and parameters", (token) => `postgresql://app:${token}@db.example.com:5432/acme?sslmode=require`],
    ["an address", (token) => `postgresql://app:${token}@127.0.0.1/acme`],
    ["percent-encoding", (token) => `postgresql://app:${token.replace("_", "%5F")}@db.example.com/acme`],
    ["another database's name", (token) => `postgresql://someone:${token}@db.example.com/neondb`],
  ])("is the password of a connection string with %s", async (_, write) => {
    expect((await send(query, { "neon-connection-string": write(tenant.token) })).body.rows).toEqual([{ n: 1 }]);
  });

  it("of Authorization counts where there is one, good or bad", async () => {
    const bad = { "neon-connection-string": urlOf("x"), authorization: `Bearer ${tenant.token}` };
    expect((await send(query, bad)).status).toBe(200);
    expect((await send(query, { authorization: "Bearer nonsense" })).body).toMatchObject({ code: "28P01" });
  });

  it.each([
    ["the same", (own: string): string => own],
    ["another one", (): string => urlOf("x")],
    ["an empty one", (): string => ""],
  ])("is refused where two connection strings came, the second being %s", async (_, secondOf) => {
    const body = JSON.stringify(query);
    const own = urlOf(tenant.token);
    for (const authorization of [[], [`Authorization: Bearer ${tenant.token}`]]) {
      const lines = ["POST /sql HTTP/1.1", "Host: x", `Neon-Connection-String: ${own}`, ...authorization];
      lines.push(`neon-connection-string: ${secondOf(own)}`, `Content-Length: ${body.length}`);
      const [answer] = await exchange(gateway.url, `${lines.join("\r\n")}\r\n\r\n${body}`);
      expect(answer).toMatchObject({ status: 400, body: { code: "28P01" } });
    }
  });

  it.each([
    ["", "nothing"],
    ["nonsense", "no URL"],
    [`https://app:pg_${"0".repeat(64)}@db.example.com/acme`, "another scheme"],
    ["postgresql://app:%zz@db.example.com/acme", "a broken escape"],
    [`postgresql://pg_${"0".repeat(64)}@db.example.com/acme`, "a token as the user"],
  ])("is refused in %j (%s)", async (given) => {
    const answer = await send(query, { "neon-connection-string": given });
    expect([answer.status, answer.body.code]).toEqual([400, "28P01"]);
    expect(answer.body.message).toContain("password authentication failed");
    if (given !== "") expect(answer.text).not.toContain(given);
  });

  it("is in no log line, wherever it stood", async () => {
    const unknown = `pg_${"5ec4e7".repeat(11).slice(0, 64)}`;
    await send({ query: "select 'secret-text'", params: [] });
    await send({ query: "selec 'secret-text'" });
    await send(query, { "neon-connection-string": urlOf(unknown) });
    await send("{", { "neon-connection-string": urlOf(tenant.token), authorization: `Bearer ${unknown}` });
    logged = JSON.stringify(gateway.observations);
    expect(logged).toContain("query-finished");
    expect(logged).not.toMatch(/secret-text|postgresql:/);
    expect(logged).not.toContain(unknown.slice(10));
    expect(logged).not.toContain(tenant.token.slice(10));
  });

  it("that was deleted stops within a second here too", async () => {
    const other = await tenant.withPermissions("SELECT");
    const headers = { "neon-connection-string": urlOf(other.token) };
    expect((await send(query, headers)).status).toBe(200);
    await gateway.database.query(
      "delete from postgate_tokens where token_prefix = left($1, 8) and token_hash = encode(sha256(convert_to($1, 'UTF8')), 'hex')",
      [other.token],
    );
    await expect.poll(async () => (await send(query, headers)).body.code as string, { timeout: 5_000 }).toBe("28P01");
  });
});

describe("the same walls as on /query", () => {
  it.each<[string, string]>([
    ["select * from public.postgate_tokens", "42501"],
    ["select * from pg_catalog.pg_authid", "42501"],
    ["select set_config('role', 'postgres', false)", "42501"],
    ["select pg_read_file('/etc/passwd')", "42501"],
    ["commit", "0A000"],
    ["reset role", "0A000"],
    ["copy notes to stdout", "0A000"],
    ["select 1; drop table notes", "42601"],
  ])("refuse %s", async (query, code) => {
    expect((await send({ query })).body).toMatchObject({ code });
    expect((await send({ queries: [{ query: "select 1" }, { query }] })).body).toMatchObject({ code, queryIndex: 1 });
  });

  it("judge a batch as a whole before anything runs", async () => {
    await send({ queries: [{ query: "insert into notes values (1)" }, { query: "commit" }] });
    expect(await tenant.rows("select id from notes")).toEqual([]);
  });

  it("bound bodies by one budget for both routes", async () => {
    const limited = await startTestGateway({ config: { neon: true, maxBodyBytes: 1024 } });
    const { token } = await limited.createTenant();
    const response = await fetch(`${limited.url}/sql`, {
      method: "POST",
      headers: { "neon-connection-string": urlOf(token) },
      body: JSON.stringify({ query: "select 1", params: ["x".repeat(2_000)] }),
    });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([413, "54000"]);
    await limited.close();
  });

  it("count a tenant's queries over both routes together", async () => {
    const { id, token } = await gateway.createTenant({ name: "throttled" });
    await gateway.database.query(
      "update postgate_databases set requests_per_second = 0.001, request_burst = 2 where id = $1",
      [id],
    );
    const headers = { "neon-connection-string": urlOf(token) };
    expect((await send({ query: "select 1" }, headers)).status).toBe(200);
    expect((await post(gateway.url, token, { sql: "select 1" })).status).toBe(200);
    const third = await send({ query: "select 1" }, headers);
    expect([third.status, third.body.code]).toEqual([400, "53400"]);
    expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("are not there at all until the operator says so", async () => {
    const plain = await startTestGateway();
    const { token } = await plain.createTenant();
    for (const method of ["POST", "OPTIONS"]) {
      const response = await fetch(`${plain.url}/sql`, { method, headers: { "neon-connection-string": urlOf(token) } });
      expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([404, null]);
    }
    await plain.close();
  });
});
