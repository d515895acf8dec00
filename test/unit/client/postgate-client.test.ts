import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PostgateClient, PostgateError } from "../../../src/client/index.ts";
import { startWireServer, type WireServer } from "./wire-server.ts";

const TOKEN = `pg_${"0123456789abcdef".repeat(4)}`;

let server: WireServer;
let client: PostgateClient;

beforeEach(async () => {
  server = await startWireServer();
  client = new PostgateClient(server.url, TOKEN);
});

afterEach(() => server.close());

async function failureOf(promise: Promise<unknown>): Promise<PostgateError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PostgateError) return error;
  throw new Error("expected a PostgateError", { cause: error });
}

describe("PostgateClient.query", () => {
  it("posts the statement with its parameters and the token, and returns the answer unchanged", async () => {
    server.answerWith({ body: '{"rows":[{"id":1,"name":"Alice"}],"row_count":1}' });
    const answer = await client.query("SELECT * FROM users WHERE id = $1::int", [1]);
    expect(answer).toEqual({ rows: [{ id: 1, name: "Alice" }], row_count: 1 });
    expect(server.received).toHaveLength(1);
    expect(server.received[0]).toMatchObject({
      method: "POST",
      path: "/query",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    });
    expect(JSON.parse(server.received[0]?.body ?? "")).toEqual({
      sql: "SELECT * FROM users WHERE id = $1::int",
      params: [1],
    });
  });

  it.each([undefined, null])("sends null for parameters that are %s", async (params) => {
    await client.query("SELECT 1", params);
    expect(JSON.parse(server.received[0]?.body ?? "")).toEqual({ sql: "SELECT 1", params: null });
  });

  it.each([
    ["", "/query"],
    ["/", "/query"],
    ["//", "/query"],
    ["/db", "/db/query"],
    ["/db/v1/", "/db/v1/query"],
  ])("finds the route below a base URL that ends with %j", async (suffix, path) => {
    await new PostgateClient(server.url + suffix, TOKEN).query("SELECT 1");
    expect(server.received[0]?.path).toBe(path);
  });

  it("accepts a URL object as the base URL", async () => {
    await new PostgateClient(new URL(server.url), TOKEN).query("SELECT 1");
    expect(server.received[0]?.path).toBe("/query");
  });

  it("accepts a token with white space around it, as it is read from a file", async () => {
    await new PostgateClient(server.url, `${TOKEN}\n`).query("SELECT 1");
    expect(server.received[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
  });

  it("keeps columns whose names have a meaning in JavaScript", async () => {
    server.answerWith({ body: '{"rows":[{"__proto__":1}],"row_count":1}' });
    const { rows } = await client.query("SELECT 1 AS __proto__");
    expect(Object.entries(rows[0] ?? {})).toEqual([["__proto__", 1]]);
  });

  it("calls the fetch of its options as a plain function", async () => {
    const calls: unknown[] = [];
    const ownFetch: typeof fetch = function (this: unknown, input, init) {
      calls.push(this);
      return fetch(input, init);
    };
    await new PostgateClient(server.url, TOKEN, { fetch: ownFetch }).query("SELECT 1");
    expect(calls).toEqual([undefined]);
  });

  it("sends nothing when a parameter cannot be sent", async () => {
    await expect(client.query("SELECT $1", [undefined])).rejects.toThrow(/^params\[0\] is of type undefined/);
    expect(server.received).toEqual([]);
  });
});

describe("PostgateError", () => {
  it("carries the gateway's message, code, status, extra keys and request id", async () => {
    const body = {
      error: "Operation DELETE is not allowed",
      code: "PARSE_ERROR",
      reason: "OPERATION_NOT_ALLOWED",
      position: 1,
    };
    server.answerWith({ status: 400, headers: { "x-request-id": "r-1" }, body: JSON.stringify(body) });
    const error = await failureOf(client.query("DELETE FROM users"));
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "PostgateError",
      message: "Operation DELETE is not allowed",
      code: "PARSE_ERROR",
      status: 400,
      reason: "OPERATION_NOT_ALLOWED",
      position: 1,
      requestId: "r-1",
    });
  });

  it("carries every key that a database error may have", async () => {
    const details = {
      sqlstate: "23505",
      detail: "Key (id)=(1) already exists.",
      hint: "h",
      position: 3,
      constraint: "users_pkey",
      table: "users",
      column: "id",
    };
    const body = JSON.stringify({ error: "duplicate key", code: "DATABASE_ERROR", ...details });
    server.answerWith({ status: 500, body });
    expect(await failureOf(client.query("INSERT …"))).toMatchObject({
      code: "DATABASE_ERROR",
      status: 500,
      ...details,
    });
  });

  it.each([
    { code: "ROW_LIMIT_EXCEEDED", max_rows: 1000 },
    { code: "RESULT_TOO_LARGE", max_bytes: 33_554_432 },
  ])("carries the limit of $code", async (extra) => {
    server.answerWith({ status: 400, body: JSON.stringify({ error: "too much", ...extra }) });
    expect(await failureOf(client.query("SELECT 1"))).toMatchObject(extra);
  });

  it("keeps its own properties when an answer has keys of the same names", async () => {
    const body = '{"error":"e","code":"TIMEOUT","status":1,"stack":"s","name":"n","__proto__":{"x":1},"cause":"c"}';
    server.answerWith({ status: 504, body });
    const error = await failureOf(client.query("SELECT 1"));
    expect(error).toMatchObject({ status: 504, name: "PostgateError", message: "e" });
    expect(error).toBeInstanceOf(PostgateError);
    expect(error.cause).toBeUndefined();
    expect(error.stack).not.toBe("s");
  });

  it("carries the seconds of Retry-After", async () => {
    const answer = { status: 503, body: '{"error":"busy","code":"UNAVAILABLE"}' };
    server.answerWith({ ...answer, headers: { "retry-after": "2" } });
    expect(await failureOf(client.query("SELECT 1"))).toMatchObject({ code: "UNAVAILABLE", retryAfterSeconds: 2 });
    server.answerWith({ ...answer, headers: { "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" } });
    expect((await failureOf(client.query("SELECT 1"))).retryAfterSeconds).toBeUndefined();
  });

  it.each([
    { status: 502, headers: { "content-type": "text/html" }, body: "<html>Bad Gateway</html>" },
    { status: 200, headers: { "content-type": "text/html" }, body: "<html>Please log in</html>" },
    { status: 200, body: '{"status":"ok"}' },
    { status: 200, body: "null" },
    { status: 404, body: '{"message":"no such page"}' },
    { status: 500, body: "" },
    { status: 500, body: '{"rows":[],"row_count":0}' },
  ])("is INVALID_RESPONSE for $status $body", async (answer) => {
    server.answerWith({ ...answer, headers: { ...answer.headers, "x-request-id": "r-2" } });
    const error = await failureOf(client.query("SELECT 1"));
    expect(error).toMatchObject({ code: "INVALID_RESPONSE", status: answer.status, requestId: "r-2" });
    expect(error.message).toContain(String(answer.status));
  });

  it("is NETWORK_ERROR with its cause when the connection is refused", async () => {
    const { url } = server;
    await server.close();
    const error = await failureOf(new PostgateClient(url, TOKEN).query("SELECT 1"));
    server = await startWireServer();
    expect(error).toMatchObject({ code: "NETWORK_ERROR", status: 0 });
    expect(error.cause).toBeInstanceOf(Error);
  });

  it("is NETWORK_ERROR when the connection ends in the middle of the answer", async () => {
    server.answerWith({ body: '{"rows":[{"id":1}],"row_count":1}', isCut: true });
    expect(await failureOf(client.query("SELECT 1"))).toMatchObject({ code: "NETWORK_ERROR", status: 0 });
  });
});

describe("the token of a client", () => {
  it.each(["", " ", "pg_a\nb", "pg_ä", "pg_a b"])("%j is refused by the constructor without naming it", (token) => {
    const attempt = () => new PostgateClient("http://localhost", token);
    expect(attempt).toThrow(TypeError);
    expect(attempt).not.toThrow(/pg_/);
  });

  it("appears in no error and not in the printed client", async () => {
    server.answerWith({ status: 401, body: '{"error":"Unauthorized","code":"UNAUTHORIZED"}' });
    const refused = await failureOf(client.query("SELECT 1"));
    const unreached = await failureOf(new PostgateClient("http://127.0.0.1:1", TOKEN).query("SELECT 1"));
    const misaddressed = await failureOf(new PostgateClient("not a url", TOKEN).query("SELECT 1"));
    const shown = [refused, unreached, misaddressed, client].map((value) => inspect(value, { depth: 9 }));
    expect(shown.join("\n")).not.toContain(TOKEN.slice(3));
    expect(JSON.stringify(client)).toBe("{}");
  });
});

describe("PostgateClient.batch", () => {
  it("posts the statements and the options, and returns the answer of each statement", async () => {
    server.answerWith({ body: '{"results":[{"rows":[],"row_count":1},{"rows":[[1]],"row_count":1}]}' });
    const statements = [{ sql: "DELETE FROM t" }, { sql: "SELECT $1::int", params: [1n] }];
    const results = await client.batch(statements, { row_mode: "array", isolation: "serializable" });
    expect(results).toEqual([
      { rows: [], row_count: 1 },
      { rows: [[1]], row_count: 1 },
    ]);
    expect(server.received[0]?.body).toBe(
      '{"row_mode":"array","isolation":"serializable","statements":[{"sql":"DELETE FROM t"},{"sql":"SELECT $1::int","params":[1]}]}',
    );
  });

  it("names the place of a value that cannot be sent", async () => {
    const unsent = client.batch([{ sql: "SELECT $1", params: [undefined] }]);
    await expect(unsent).rejects.toThrow("statements[0].params[0] is of type undefined");
    expect(server.received).toEqual([]);
  });

  it("rejects with the number of the statement that failed", async () => {
    server.answerWith({
      status: 400,
      body: '{"error":"no","code":"PARSE_ERROR","reason":"SYNTAX_ERROR","statement":1}',
    });
    expect(await failureOf(client.batch([]))).toMatchObject({ code: "PARSE_ERROR", statement: 1 });
  });

  it("rejects with INVALID_RESPONSE for an answer of another form", async () => {
    server.answerWith({ body: '{"rows":[],"row_count":0}' });
    expect(await failureOf(client.batch([]))).toMatchObject({ code: "INVALID_RESPONSE" });
  });
});
