import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayError } from "../../../src/base/errors.ts";
import { exchange } from "./raw-http.ts";
import { MAX_BODY_BYTES, startServer, TOKEN, UNKNOWN_TOKEN, type TestServer } from "./start-server.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const BODY = '{"sql":"SELECT 1"}';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close(1_000));

describe("GET /health", () => {
  it("answers status ok as JSON", async () => {
    const response = await fetch(`${server.url}/health`);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"status":"ok"}');
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(response.headers.get("x-request-id")).toMatch(UUID);
  });

  it("answers HEAD with the same headers and no body", async () => {
    const response = await fetch(`${server.url}/health`, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe("15");
    expect(await response.text()).toBe("");
  });

  it("is not logged", async () => {
    const before = server.observations.length;
    await fetch(`${server.url}/health`);
    expect(server.observations).toHaveLength(before);
  });
});

describe("the routes and their methods", () => {
  it.each([
    ["GET", "/"],
    ["POST", "/"],
    ["POST", "/query/"],
    ["POST", "/Query"],
    ["POST", "//query"],
    ["GET", "/metrics"],
    ["GET", "/health/live"],
    ["GET", "/%zz"],
    ["GET", "/__proto__"],
    ["POST", "/constructor"],
    ["POST", "/%71uery"],
    ["POST", "/query%20"],
    ["GET", "/%68ealth"],
    ["GET", "/%68ealth?x=/health"],
  ])("%s %s is answered 404, even with a valid token", async (method, path) => {
    const response = await fetch(server.url + path, { method, headers: { authorization: TOKEN } });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "NOT_FOUND" });
    expect(response.headers.get("x-request-id")).toMatch(UUID);
  });

  it.each([
    ["GET", "/query", "POST"],
    ["HEAD", "/query", "POST"],
    ["PUT", "/query", "POST"],
    ["DELETE", "/query", "POST"],
    ["OPTIONS", "/query", "POST"],
    ["GET", "/query?sql=SELECT", "POST"],
    ["POST", "/health", "GET, HEAD"],
    ["DELETE", "/health", "GET, HEAD"],
  ])("%s %s is answered 405, with the allowed methods", async (method, path, allow) => {
    const response = await fetch(server.url + path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
    if (method !== "HEAD") expect(await response.json()).toMatchObject({ code: "METHOD_NOT_ALLOWED" });
  });

  it("a request target with scheme and host, the form for proxies, finds its route", async () => {
    const answers = await exchange(
      server.url,
      "GET http://x/health?y HTTP/1.1\r\nHost: x\r\n\r\nGET http://x/query HTTP/1.1\r\nHost: x\r\n\r\n",
      2,
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 405]);
  });

  it("a path with a fragment, which no client sends, is answered 404", async () => {
    const [answer] = await exchange(server.url, "GET /health#x HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(answer?.status).toBe(404);
  });

  it("a query string in the path is ignored", async () => {
    const response = await fetch(`${server.url}/query?trace=1`, {
      method: "POST",
      headers: { authorization: TOKEN, "content-type": "application/json" },
      body: BODY,
    });
    expect(response.status).toBe(200);
  });
});

describe("the token", () => {
  it.each([
    ["Bearer and the token", `Bearer ${TOKEN}`],
    ["the scheme in lower case", `bearer ${TOKEN}`],
    ["the scheme in upper case", `BEARER ${TOKEN}`],
    ["two blanks after the scheme", `Bearer  ${TOKEN}`],
    ["the bare token", TOKEN],
  ])("is accepted in the form: %s", async (_form, authorization) => {
    expect((await server.query(BODY, { authorization })).status).toBe(200);
  });

  it("is refused with the same answer, whatever is wrong with it", async () => {
    const attempts = [
      "",
      "Bearer",
      "Bearer ",
      `Bearer ${UNKNOWN_TOKEN}`,
      UNKNOWN_TOKEN,
      `Bearer ${TOKEN}0`,
      `Bearer ${TOKEN.slice(0, -1)}`,
      `Bearer ${TOKEN.toUpperCase()}`,
      `Bearer PG_${TOKEN.slice(3)}`,
      `Basic ${TOKEN}`,
      `Bearer Bearer ${TOKEN}`,
      `Bearer ${TOKEN}, Bearer ${TOKEN}`,
      `Bearer ${TOKEN} x`,
    ];
    const answers = await Promise.all(
      attempts.map(async (authorization) => {
        const response = await server.query(BODY, { authorization });
        return [response.status, response.headers.get("www-authenticate"), await response.text()].join(" ");
      }),
    );
    expect(new Set(answers)).toEqual(
      new Set(['401 Bearer {"error":"Missing, invalid or expired token","code":"UNAUTHORIZED"}']),
    );
  });

  it("is refused when the header is missing", async () => {
    const response = await fetch(`${server.url}/query`, { method: "POST", body: BODY });
    expect(response.status).toBe(401);
    expect(await response.text()).toBe('{"error":"Missing, invalid or expired token","code":"UNAUTHORIZED"}');
  });

  it("is refused when there are two Authorization headers, even if both are valid", async () => {
    const [answer] = await exchange(
      server.url,
      `POST /query HTTP/1.1\r\nHost: x\r\nAuthorization: ${TOKEN}\r\nAUTHORIZATION: ${TOKEN}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
    );
    expect(answer).toMatchObject({ status: 401, body: { code: "UNAUTHORIZED" } });
  });
});

describe("the media type", () => {
  it.each([
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    'application/json; charset="utf8"',
    "Application/JSON",
    "application/vnd.api+json",
    "application/problem+json; charset=utf-8",
    "application/json; profile=x",
  ])("%s is accepted", async (type) => {
    expect((await server.query(BODY, { "content-type": type })).status).toBe(200);
  });

  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/jsonp",
    "application/json5",
    "text/json",
    "application/json, text/plain",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
    "json",
    "application/+json x",
  ])("%s is refused with 415", async (type) => {
    const response = await server.query(BODY, { "content-type": type });
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({ code: "UNSUPPORTED_MEDIA_TYPE" });
  });

  it("a missing media type is refused with 415", async () => {
    const response = await server.query(new Uint8Array(Buffer.from(BODY)), { "content-type": "" });
    expect(response.status).toBe(415);
  });

  it.each(["gzip", "deflate", "br", "zstd"])("a body compressed with %s is refused with 415", async (encoding) => {
    const response = await server.query(BODY, { "content-encoding": encoding });
    expect(response.status).toBe(415);
  });

  it("a body with the content encoding identity is accepted", async () => {
    expect((await server.query(BODY, { "content-encoding": "identity" })).status).toBe(200);
  });
});

describe("the order of checks", () => {
  const tooLarge = "x".repeat(MAX_BODY_BYTES + 1);
  it.each([
    ["route before token", "/nope", "bad", "text/plain", tooLarge, 404],
    ["token before media type and size", "/query", "bad", "text/plain", tooLarge, 401],
    ["media type before size", "/query", TOKEN, "text/plain", tooLarge, 415],
    ["size before body", "/query", TOKEN, "application/json", tooLarge, 413],
    ["body before SQL", "/query", TOKEN, "application/json", "{", 400],
  ])("puts %s", async (...[, path, authorization, type, body, status]) => {
    const headers = { authorization, "content-type": type };
    expect((await fetch(server.url + path, { method: "POST", headers, body })).status).toBe(status);
  });
});

describe("x-request-id", () => {
  it.each(["abc", "A.b_c:d-9", "x".repeat(128)])("is the caller's id when that is safe: %s", async (id) => {
    expect((await server.query(BODY, { "x-request-id": id })).headers.get("x-request-id")).toBe(id);
    expect((await server.query("{", { "x-request-id": id })).headers.get("x-request-id")).toBe(id);
    expect(server.observations.at(-1)).toMatchObject({ kind: "query-failed", requestId: id, code: "INVALID_REQUEST" });
  });

  it.each(["a b", "x".repeat(129), "a,b", '"', "<script>", ""])("is a new UUID for an unsafe id: %s", async (id) => {
    expect((await server.query(BODY, { "x-request-id": id })).headers.get("x-request-id")).toMatch(UUID);
  });
});

describe("the answer of a query", () => {
  it("has the query's JSON text and its length, and forbids caching", async () => {
    const response = await server.query('{"sql":"SELECT $1","params":["ä"]}');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      rows: [{ sql: "SELECT $1", params: [{ kind: "string", text: "ä" }] }],
      row_count: 1,
    });
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(Number(response.headers.get("content-length"))).toBeGreaterThan(0);
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it("is logged with the token's prefix, the operation and the row count, but without SQL and parameters", async () => {
    await server.query('{"sql":"SELECT secret","params":["hidden"]}', { "x-request-id": "reported" });
    const observation = server.observations.at(-1);
    expect(observation).toEqual({
      kind: "query-finished",
      requestId: "reported",
      durationMs: expect.any(Number) as number,
      tokenPrefix: "pg_01234",
      databaseId: "22222222-2222-4222-8222-222222222222",
      operation: "SELECT",
      rowCount: 1,
    });
  });
});

describe("the answer of a failure", () => {
  async function answerTo(failure: unknown): Promise<{ response: Response; failing: TestServer }> {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what is no Error is a case, too
    const failing = await startServer({ runQuery: () => Promise.reject(failure) });
    try {
      return { response: await failing.query(BODY), failing };
    } finally {
      await failing.close(1_000);
    }
  }

  it("carries its code, its status and its details", async () => {
    const details = { sqlstate: "23505", detail: "Key exists", constraint: "users_pkey", table: "users" };
    const { response } = await answerTo(new GatewayError("DATABASE_ERROR", "duplicate key", { details }));
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ error: "duplicate key", code: "DATABASE_ERROR", ...details });
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it.each([
    ["UNAVAILABLE", 503, undefined, "1"],
    ["UNAVAILABLE", 503, 7, "7"],
    ["TOO_MANY_REQUESTS", 429, 2, "2"],
  ] as const)("has Retry-After for %s (%d) with an error of %s s", async (...[code, status, seconds, header]) => {
    const { response } = await answerTo(
      new GatewayError(code, "later", seconds === undefined ? {} : { retryAfterSeconds: seconds }),
    );
    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe(header);
  });

  it.each([
    ["an unknown error", new Error("connect postgres://u:p@h/db")],
    ["an error with a status of its own", Object.assign(new Error("secret"), { statusCode: 418, code: "FST_X" })],
    ["an INTERNAL_ERROR that says too much", new GatewayError("INTERNAL_ERROR", "secret path /etc/x")],
    ["something thrown that is no error", "secret"],
  ])("hides the cause of a fault of the gateway, and the log names it: %s", async (_name, cause) => {
    const { response, failing } = await answerTo(cause);
    expect(response.status).toBe(500);
    expect(await response.text()).toBe('{"error":"Internal error","code":"INTERNAL_ERROR"}');
    expect(failing.observations).toMatchObject([{ kind: "query-failed", code: "INTERNAL_ERROR", cause }]);
  });

  it("is 503 when the look-up of the token fails, never 401", async () => {
    const outage = new GatewayError("UNAVAILABLE", "The database cannot be reached");
    const failing = await startServer({ authenticate: () => Promise.reject(outage) });
    expect((await failing.query(BODY)).status).toBe(503);
    await failing.close(1_000);
  });
});
