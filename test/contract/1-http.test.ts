// Section 1 of the public contract: HTTP.

import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clusterConnection } from "../support/cluster.ts";
import { type Answer, post, startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

let gateway: TestGateway;
let tenant: TestTenant;

beforeAll(async () => {
  gateway = await startTestGateway({
    config: { queryTimeoutMs: 1_000, maxBodyBytes: 1024 * 1024, maxResultBytes: 1024 * 1024 },
  });
  tenant = await gateway.createTenant({ name: "acme", maxRows: 10 });
  await tenant.rows("create table users (id int primary key, name text not null, team int)");
  await tenant.rows("insert into users (id, name) values (1, 'Alice')");
});
afterAll(() => gateway.close());

async function sendQuery(headers: Record<string, string>, body = '{"sql":"select 1 as one"}'): Promise<Answer> {
  const response = await fetch(`${gateway.url}/query`, { method: "POST", headers, body });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text) as unknown, headers: response.headers };
}

describe("the routes", () => {
  it("GET /health answers 200 with exactly the documented body", async () => {
    const response = await fetch(`${gateway.url}/health`);
    expect(response.status).toBe(200);
    await expect(response.text()).resolves.toBe('{"status":"ok"}');
  });

  it("HEAD /health answers 200 without a body", async () => {
    const response = await fetch(`${gateway.url}/health`, { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  it("POST /query answers with exactly the documented text", async () => {
    const answer = await tenant.query("SELECT id, name FROM users WHERE id = $1::int", [1]);
    expect(answer.text).toBe('{"rows":[{"id":1,"name":"Alice"}],"row_count":1}');
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
  });

  it.each(["/", "/metrics", "/query/x", "/healthz", "/sql"])("POST %s is answered NOT_FOUND", async (path) => {
    const response = await fetch(gateway.url + path, { method: "POST" });
    expect([response.status, await response.json()]).toEqual([404, expect.objectContaining({ code: "NOT_FOUND" })]);
  });

  it.each([
    ["GET", "/query", "POST"],
    ["PUT", "/query", "POST"],
    ["DELETE", "/query", "POST"],
    ["POST", "/health", "GET"],
  ])("%s %s is answered METHOD_NOT_ALLOWED with the header Allow", async (method, path, allowed) => {
    const response = await fetch(gateway.url + path, { method });
    expect([response.status, await response.json()]).toEqual([
      405,
      expect.objectContaining({ code: "METHOD_NOT_ALLOWED" }),
    ]);
    expect(response.headers.get("allow")).toContain(allowed);
  });
});

describe("the Authorization header", () => {
  const json = { "content-type": "application/json" };

  it.each([
    ["Bearer", (token: string) => `Bearer ${token}`],
    ["the scheme in another case", (token: string) => `bEARER ${token}`],
    ["the bare token", (token: string) => token],
  ])("is accepted in the form: %s", async (_form, write) => {
    const answer = await sendQuery({ ...json, authorization: write(tenant.token) });
    expect(answer.body).toEqual({ rows: [{ one: 1 }], row_count: 1 });
  });

  it("without a valid token is answered with the same message and WWW-Authenticate in all cases", async () => {
    const headers = [
      {},
      { authorization: "" },
      { authorization: "Bearer" },
      { authorization: "Basic YTpi" },
      { authorization: "Bearer pg_short" },
      { authorization: `Bearer ${tenant.token.toUpperCase()}` },
      { authorization: `Bearer pg_${"0".repeat(64)}` },
    ];
    const answers = await Promise.all(headers.map((header) => sendQuery({ ...json, ...header })));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 401, body: { code: "UNAUTHORIZED" } });
    expect(answers.map((answer) => answer.headers.get("www-authenticate"))).toEqual(headers.map(() => "Bearer"));
  });
});

describe("the order of checks", () => {
  const badToken = { authorization: "Bearer nope" };
  it("puts the method before the token", async () => {
    const response = await fetch(`${gateway.url}/query`, { method: "PUT", headers: badToken, body: "x" });
    expect(response.status).toBe(405);
  });
  it("puts the token before the media type", async () => {
    expect((await sendQuery({ ...badToken, "content-type": "text/plain" }, "x")).status).toBe(401);
  });
  it("puts the media type before the size", async () => {
    const headers = { authorization: tenant.token, "content-type": "text/plain" };
    expect((await sendQuery(headers, "x".repeat(2 * 1024 * 1024))).status).toBe(415);
  });
  it("puts the size before the body's form", async () => {
    const headers = { authorization: tenant.token, "content-type": "application/json" };
    expect((await sendQuery(headers, "x".repeat(2 * 1024 * 1024))).status).toBe(413);
  });
  it("puts the body's form before the SQL", async () => {
    const answer = await post(gateway.url, tenant.token, { sql: "nonsense", params: "x" });
    expect(answer.body).toMatchObject({ code: "INVALID_REQUEST" });
  });
});

describe("the body of POST /query", () => {
  it.each(["application/json", "application/json; charset=utf-8", "application/vnd.api+json", "APPLICATION/JSON"])(
    "may have the media type %s",
    async (type) => {
      expect((await sendQuery({ authorization: tenant.token, "content-type": type })).status).toBe(200);
    },
  );

  it.each([
    ["params absent", { sql: "select 1 as one" }],
    ["params null", { sql: "select 1 as one", params: null }],
    ["unknown keys", { sql: "select 1 as one", mode: "x", rows: 1 }],
    ["one trailing semicolon", { sql: "select 1 as one;" }],
  ])("may have %s", async (_what, body) => {
    expect((await post(gateway.url, tenant.token, body)).text).toBe('{"rows":[{"one":1}],"row_count":1}');
  });

  it.each([
    ["no JSON", "{"],
    ["an array", "[]"],
    ["null", "null"],
    ["without sql", "{}"],
    ["a number as sql", '{"sql":1}'],
    ["an object as sql", '{"sql":{"text":"select 1"}}'],
    ["an array as sql", '{"sql":["select 1"]}'],
    ["an object as params", '{"sql":"select 1","params":{}}'],
    ["a string as params", '{"sql":"select 1","params":"1"}'],
    ["NUL in sql", '{"sql":"select 1\\u0000"}'],
    ["a lone surrogate in sql", '{"sql":"select \'\\ud800\'"}'],
    ["NUL in a parameter", '{"sql":"select $1","params":["\\u0000"]}'],
    ["a lone surrogate in a parameter", '{"sql":"select $1","params":["\\udfff"]}'],
    ["too few parameters", '{"sql":"select $1::int, $2::int","params":[1]}'],
    ["too many parameters", '{"sql":"select $1::int","params":[1,2]}'],
    ["parameters without placeholders", '{"sql":"select 1","params":[1]}'],
  ])("is refused as INVALID_REQUEST: %s", async (_what, body) => {
    expect(await post(gateway.url, tenant.token, body)).toMatchObject({
      status: 400,
      body: { code: "INVALID_REQUEST", error: expect.any(String) as string },
    });
  });
});

describe("row_count", () => {
  it.each([
    ["rows returned", "select * from generate_series(1, 7)", 7],
    ["rows returned by RETURNING", "insert into users (id, name) values (100, 'x'), (101, 'y') returning id", 2],
    ["the tag's count without rows", "update users set team = 1 where id in (100, 101)", 2],
    [
      "more rows affected than max_rows",
      "insert into users (id, name) select g, 'n' from generate_series(200, 299) g",
      100,
    ],
    ["0 for DDL", "create table empty_one (id int)", 0],
  ])("counts %s", async (_what, sql, count) => {
    expect(await tenant.query(sql)).toMatchObject({ status: 200, body: { row_count: count } });
  });
});

describe("the error code", () => {
  it("PARSE_ERROR has a reason and a position", async () => {
    expect(await tenant.query("select 'é🐘' as a, as b")).toMatchObject({
      status: 400,
      body: { reason: "SYNTAX_ERROR", position: 19 },
    });
    expect(await tenant.query("selec 1")).toMatchObject({
      status: 400,
      body: { code: "PARSE_ERROR", reason: "SYNTAX_ERROR", position: 1 },
    });
  });

  it("ROW_LIMIT_EXCEEDED has max_rows, and the statement has changed nothing", async () => {
    const before = await tenant.rows("select count(*) from users");
    const answer = await tenant.query(
      "insert into users (id, name) select g, 'n' from generate_series(1000, 1010) g returning id",
    );
    expect(answer).toMatchObject({
      status: 400,
      body: { code: "ROW_LIMIT_EXCEEDED", error: "Row limit exceeded (max: 10)", max_rows: 10 },
    });
    await expect(tenant.rows("select count(*) from users")).resolves.toEqual(before);
    await expect(tenant.query("select * from generate_series(1, 11)")).resolves.toMatchObject({
      body: { code: "ROW_LIMIT_EXCEEDED", max_rows: 10 },
    });
    await expect(tenant.query("select * from generate_series(1, 10)")).resolves.toMatchObject({ status: 200 });
  });

  it("RESULT_TOO_LARGE has max_bytes, and the statement has changed nothing", async () => {
    expect(await tenant.query("select repeat('x', 2000000) as big")).toMatchObject({
      status: 400,
      body: { code: "RESULT_TOO_LARGE", max_bytes: 1024 * 1024 },
    });
    const wide = "insert into users (id, name) values (5000, repeat('x', 2000000)) returning name";
    expect(await tenant.query(wide)).toMatchObject({ body: { code: "RESULT_TOO_LARGE" } });
    await expect(tenant.rows("select id from users where id = 5000")).resolves.toEqual([]);
  });

  it("UNAUTHORIZED answers a deleted token", async () => {
    const other = await tenant.withPermissions("SELECT");
    expect((await other.query("select 1")).status).toBe(200);
    await gateway.database.query("delete from postgate_tokens where token_hash = encode(sha256($1::bytea), 'hex')", [
      Buffer.from(other.token),
    ]);
    const deadline = Date.now() + 5_000;
    let answer = await other.query("select 1");
    while (answer.status === 200 && Date.now() < deadline) answer = await other.query("select 1");
    expect(answer).toMatchObject({ status: 401, body: { code: "UNAUTHORIZED" } });
  });

  it("DATABASE_NOT_FOUND answers a token whose tenant's schema was dropped", async () => {
    const gone = await gateway.createTenant({ name: "gone" });
    const [row] = await gateway.database.query("select schema_name from postgate_databases where id = $1", [gone.id]);
    await gateway.database.query(`drop schema "${String(row?.schema_name)}" cascade`);
    expect(await gone.query("select 1")).toMatchObject({ status: 404, body: { code: "DATABASE_NOT_FOUND" } });
  });

  it("PAYLOAD_TOO_LARGE answers a body over the limit", async () => {
    const answer = await post(gateway.url, tenant.token, { sql: `select '${"x".repeat(1024 * 1024)}'` });
    expect(answer).toMatchObject({ status: 413, body: { code: "PAYLOAD_TOO_LARGE" } });
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json-ish"])(
    "UNSUPPORTED_MEDIA_TYPE answers the media type %s",
    async (type) => {
      const answer = await sendQuery({ authorization: tenant.token, "content-type": type });
      expect(answer).toMatchObject({ status: 415, body: { code: "UNSUPPORTED_MEDIA_TYPE" } });
    },
  );

  it("DATABASE_ERROR has PostgreSQL's fields", async () => {
    expect(await tenant.query("insert into users (id, name) values (1, 'Again')")).toMatchObject({
      status: 500,
      body: {
        code: "DATABASE_ERROR",
        error: 'duplicate key value violates unique constraint "users_pkey"',
        sqlstate: "23505",
        detail: "Key (id)=(1) already exists.",
        constraint: "users_pkey",
        table: "users",
      },
    });
    expect(await tenant.query("insert into users (id) values (2)")).toMatchObject({
      body: { sqlstate: "23502", table: "users", column: "name" },
    });
    expect(await tenant.query("select nme from users")).toMatchObject({
      body: { sqlstate: "42703", position: 8, hint: expect.stringContaining("name") as string },
    });
  });

  it("DATABASE_ERROR answers a commit that fails", async () => {
    await tenant.rows("create table parents (id int primary key)");
    await tenant.rows("create table children (id int references parents deferrable initially deferred)");
    expect(await tenant.query("insert into children values (1)")).toMatchObject({
      status: 500,
      body: { code: "DATABASE_ERROR", sqlstate: "23503" },
    });
    await expect(tenant.rows("select * from children")).resolves.toEqual([]);
  });

  it("DATABASE_ERROR with 08007 or 57P01 answers a statement whose connection was lost after it was sent", async () => {
    const running = tenant.query("select count(*) from generate_series(1, 1000000000)");
    const find =
      "select pid from pg_stat_activity where query like '%1000000000%' and pid <> pg_backend_pid() and state = 'active'";
    let rows = await gateway.database.query(find);
    while (rows.length === 0) rows = await gateway.database.query(find);
    await gateway.database.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
    expect(await running).toMatchObject({ status: 500, body: { code: "DATABASE_ERROR" } });
    expect(["08007", "57P01"]).toContain(((await running).body as { sqlstate: string }).sqlstate);
  });

  it("TIMEOUT answers a statement that ran too long and was cancelled in PostgreSQL", async () => {
    const slow = "insert into users (id, name) select 9000 + count(*)::int, 'slow' from generate_series(1, 1000000000)";
    expect(await tenant.query(slow)).toMatchObject({
      status: 504,
      body: { code: "TIMEOUT", error: expect.stringContaining("Query timeout") as string },
    });
    await expect(
      gateway.database.query(
        "select 1 from pg_stat_activity where query like '%1000000000%' and state = 'active' and pid <> pg_backend_pid()",
      ),
    ).resolves.toEqual([]);
  });

  it("UNAVAILABLE has Retry-After and answers when the database cannot be reached", async () => {
    const other = await startTestGateway();
    const user = await other.createTenant();
    const { database } = other.database.connection;
    const server = new pg.Client({ ...clusterConnection(), password: "" });
    await server.connect();
    await server.query(`alter database ${database} with allow_connections false`);
    await server.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [database]);
    const answer = await user.query("select 1");
    await server.query(`alter database ${database} with allow_connections true`);
    await server.end();
    await other.close();
    expect(answer).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

describe("x-request-id", () => {
  it("is the caller's id when that is safe", async () => {
    const answer = await post(gateway.url, tenant.token, { sql: "select 1" }, { "x-request-id": "abc-123" });
    expect(answer.headers.get("x-request-id")).toBe("abc-123");
  });

  it.each(["a b", "x".repeat(500), "é", '"><script>'])("is a new id in place of the unsafe %s", async (id) => {
    const headers = { "x-request-id": Buffer.from(id, "utf8").toString("latin1") };
    const answer = await post(gateway.url, tenant.token, { sql: "select 1" }, headers);
    expect(answer.headers.get("x-request-id")).toMatch(/^[\w-]{8,64}$/);
  });

  it("is on every reply, and the log of a failure has the same id", async () => {
    const responses = await Promise.all([
      fetch(`${gateway.url}/health`),
      fetch(`${gateway.url}/nowhere`),
      fetch(`${gateway.url}/query`, { method: "POST" }),
    ]);
    for (const response of responses) expect(response.headers.get("x-request-id")).toBeTruthy();
    await post(gateway.url, tenant.token, { sql: "selec" }, { "x-request-id": "find-me" });
    expect(gateway.observations).toContainEqual(
      expect.objectContaining({ kind: "query-failed", requestId: "find-me", code: "PARSE_ERROR" }),
    );
  });
});

describe("the parameters of a statement", () => {
  it.each([
    ["a number by cast", "select $1::int as v", 1, 1],
    ["a number by context", "select id as v from users where id = $1", 1, 1],
    ["null", "select $1::int is null as v", null, true],
    ["a string as it is", "select $1::text as v", "a'b\"c\\d", "a'b\"c\\d"],
    ["a boolean", "select not $1::bool as v", true, false],
    ["an object as JSON text", "select $1::jsonb ->> 'a' as v", { a: "x" }, "x"],
    ["an array for a json type", "select $1::jsonb -> 1 as v", [1, { b: 2 }], { b: 2 }],
    ["an array for an array type", "select $1::int[] as v", [1, 2, 3], [1, 2, 3]],
    [
      "a nested array with NULL",
      "select $1::int[] as v",
      [
        [1, null],
        [3, 4],
      ],
      [
        [1, null],
        [3, 4],
      ],
    ],
    [
      "strings in an array",
      "select $1::text[] as v",
      ['a"b', "c,d", "NULL", "", "{x}"],
      ['a"b', "c,d", "NULL", "", "{x}"],
    ],
    ["an empty array", "select $1::text[] as v", [], []],
    ["ANY over an array", "select count(*)::int as v from users where id = any($1)", [1, 2], 1],
    ["an uninferred string", "select jsonb_build_object('a', $1) as v", "x", { a: "x" }],
    ["an uninferred boolean", "select jsonb_build_object('a', $1) as v", true, { a: true }],
    ["an uninferred integer", "select jsonb_build_object('a', $1) as v", 5, { a: 5 }],
    ["an uninferred number", "select jsonb_build_object('a', $1) as v", 1.5, { a: 1.5 }],
    ["an uninferred object", "select jsonb_build_object('a', $1) as v", { b: 1 }, { a: { b: 1 } }],
    ["an uninferred array", "select jsonb_build_object('a', $1) as v", [1, 2], { a: [1, 2] }],
    ["a bare $1", "select $1 as v", 42, "42"],
  ])("are converted as documented: %s", async (_what, sql, parameter, value) => {
    await expect(tenant.rows(sql, [parameter])).resolves.toEqual([{ v: value }]);
  });

  it.each([
    ["a big integer", "9223372036854775807", "numeric"],
    ["a long decimal", "0.12345678901234567890123456789", "numeric"],
    ["trailing zeros", "1.500", "numeric"],
  ])("keep every digit: %s", async (_what, digits, type) => {
    const answer = await post(gateway.url, tenant.token, `{"sql":"select $1::${type} as v","params":[${digits}]}`);
    expect(answer.text).toBe(`{"rows":[{"v":"${digits}"}],"row_count":1}`);
  });
});

describe("the values of an answer", () => {
  it.each([
    ["int2", "'-32768'::int2", "-32768"],
    ["int4", "2147483647", "2147483647"],
    ["oid", "4294967295::oid", "4294967295"],
    ["float4", "1.1::float4", "1.1"],
    ["float8", "0.1::float8 + 0.2::float8", "0.30000000000000004"],
    ["NaN", "'NaN'::float8", '"NaN"'],
    ["Infinity", "'-Infinity'::float8", '"-Infinity"'],
    ["int8 within 2^53", "9007199254740991", "9007199254740991"],
    ["int8 beyond 2^53", "9007199254740992", '"9007199254740992"'],
    ["negative int8 beyond 2^53", "(-9007199254740992)::int8", '"-9007199254740992"'],
    ["numeric", "1.50::numeric", '"1.50"'],
    ["money", "'12.3'::money", '"$12.30"'],
    ["bool", "true", "true"],
    ["json, byte for byte", `'{"b" : 1,  "a":[1.0]}'::json`, '{"b" : 1,  "a":[1.0]}'],
    ["jsonb", `'{"b":1,"a":2}'::jsonb`, '{"a": 2, "b": 1}'],
    ["timestamptz", "'2026-02-03 04:05:06.789+00'::timestamptz", '"2026-02-03T04:05:06.789+00:00"'],
    ["timestamptz without a fraction", "'2026-02-03 04:05:06+02'::timestamptz", '"2026-02-03T02:05:06+00:00"'],
    ["timestamptz infinity", "'infinity'::timestamptz", '"infinity"'],
    ["timestamptz BC", "'0044-03-15 12:00:00+00 BC'::timestamptz", '"0044-03-15 12:00:00+00 BC"'],
    ["timestamp", "'2026-02-03 04:05:06.789'::timestamp", '"2026-02-03 04:05:06.789"'],
    ["date", "'2026-02-03'::date", '"2026-02-03"'],
    ["time", "'04:05:06'::time", '"04:05:06"'],
    ["timetz", "'04:05:06+02'::timetz", '"04:05:06+02"'],
    ["interval", "'1 year 2 days 03:04:05'::interval", '"1 year 2 days 03:04:05"'],
    ["bytea", "'\\xDEADbeef'::bytea", '"\\\\xdeadbeef"'],
    ["an array of int8", "array[1, 9007199254740993]::int8[]", '[1,"9007199254740993"]'],
    ["a nested array", "array[array['a','b'],array['c',null]]", '[["a","b"],["c",null]]'],
    ["an array of json", `array['{"a":1}'::json]`, '[{"a":1}]'],
    ["an array of timestamptz", "array['2026-02-03 04:05:06+00'::timestamptz]", '["2026-02-03T04:05:06+00:00"]'],
    ["uuid", "'6f1e24a5-8a0b-4e0f-9c7a-3f1b2c4d5e6f'::uuid", '"6f1e24a5-8a0b-4e0f-9c7a-3f1b2c4d5e6f"'],
    ["inet", "'10.0.0.1/8'::inet", '"10.0.0.1/8"'],
    ["a range", "int4range(1, 5)", '"[1,5)"'],
    ["a record", "row(1, 'a b')", '"(1,\\"a b\\")"'],
    ["a point", "point(1, 2)", '"(1,2)"'],
    ["tsvector", "to_tsvector('simple', 'b a')", "\"'a':2 'b':1\""],
    ["NULL", "null::int", "null"],
  ])("are written as documented: %s", async (_what, sql, json) => {
    const answer = await tenant.query(`select ${sql} as v`);
    expect(answer.text).toBe(`{"rows":[{"v":${json}}],"row_count":1}`);
  });

  it("are written as documented: an enum, a domain, a composite, and arrays of them", async () => {
    await tenant.rows("create type mood as enum ('calm', 'so so')");
    await tenant.rows("create domain score as int check (value >= 0)");
    await tenant.rows("create type place as (street text, number int)");
    const answer = await tenant.query(
      "select 'so so'::mood as e, 5::score as d, row('x y', 1)::place as c, array['calm','so so']::mood[] as ee, array[1,2]::score[] as dd, array[row('a', 1)::place] as cc",
    );
    expect(answer.text).toBe(
      '{"rows":[{"e":"so so","d":5,"c":"(\\"x y\\",1)","ee":["calm","so so"],"dd":[1,2],"cc":["(a,1)"]}],"row_count":1}',
    );
  });

  it("of columns of the same name are replaced by the last one", async () => {
    await expect(tenant.rows("select 1 as a, 2 as b, 3 as a")).resolves.toEqual([{ a: 3, b: 2 }]);
  });

  it("do not depend on the server's configuration", async () => {
    const name = gateway.database.connection.database;
    const other = await startTestGateway({
      prepare: async (database) => {
        for (const setting of [
          "datestyle = 'German'",
          "intervalstyle = 'iso_8601'",
          "timezone = 'Asia/Tokyo'",
          "bytea_output = 'escape'",
          "extra_float_digits = 0",
          "standard_conforming_strings = off",
        ])
          await database.query(`alter database ${database.connection.database} set ${setting}`);
      },
    });
    expect(other.database.connection.database).not.toBe(name);
    const user = await other.createTenant();
    const answer = await user.query(
      "select '2026-02-03'::date as d, '1 day'::interval as i, '2026-02-03 04:05:06+00'::timestamptz as t, '\\x01'::bytea as b, 0.1::float8 + 0.2::float8 as f",
    );
    await other.close();
    expect(answer.text).toBe(
      '{"rows":[{"d":"2026-02-03","i":"1 day","t":"2026-02-03T04:05:06+00:00","b":"\\\\x01","f":0.30000000000000004}],"row_count":1}',
    );
  });
});
