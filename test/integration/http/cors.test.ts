// Checks the CORS headers of POST /query: on the preflight, on results and on every failure. test/e2e/browser.test.ts checks that a
// browser understands them.

import { afterEach, describe, expect, it, vi } from "vitest";
import { GatewayError } from "../../../src/base/errors.ts";
import { exchange } from "./raw-http.ts";
import { MAX_BODY_BYTES, startServer, type TestServer, TOKEN, UNKNOWN_TOKEN } from "./start-server.ts";

const APP = "https://app.example";
const OTHER = "https://other.example";
const BODY = '{"sql":"select 1"}';

let server: TestServer;
afterEach(() => server.close(0));

/** Returns the CORS headers without "access-control-" in their names, and `vary`. */
function corsOf({ headers }: Response): Record<string, string> {
  const found = [...headers].filter(([name]) => name === "vary" || name.startsWith("access-control-"));
  return Object.fromEntries(found.map(([name, value]) => [name.replace("access-control-", ""), value]));
}

const ANSWERED = { "allow-origin": APP, "expose-headers": "x-request-id, retry-after", vary: "Origin" };
const ASKED = {
  "allow-origin": APP,
  "allow-methods": "POST",
  "allow-headers": "authorization, content-type, x-request-id",
  "max-age": "7200",
  vary: "Origin",
};

function preflight(origin: string, path = "/query"): Promise<Response> {
  const headers = {
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
  };
  return fetch(server.url + path, { method: "OPTIONS", headers });
}

describe("without a list of allowed origins", () => {
  it("OPTIONS is refused, and no answer has CORS headers", async () => {
    server = await startServer();
    const asked = await preflight(APP);
    expect([asked.status, asked.headers.get("allow"), corsOf(asked)]).toEqual([405, "POST", {}]);
    const answered = await server.query(BODY, { origin: APP });
    expect([answered.status, corsOf(answered)]).toEqual([200, {}]);
  });
});

describe("with a list of allowed origins", () => {
  it.each(["/query", "/query?trace=1"])(
    "the preflight of %s is answered without a look-up of a token",
    async (path) => {
      const authenticate = vi.fn();
      server = await startServer({ corsOrigins: [OTHER, APP], authenticate });
      const answer = await preflight(APP, path);
      expect([answer.status, await answer.text(), corsOf(answer)]).toEqual([204, "", ASKED]);
      expect([answer.headers.get("allow"), answer.headers.get("x-request-id")]).toEqual([
        "OPTIONS, POST",
        expect.stringMatching(/./),
      ]);
      expect(authenticate).not.toHaveBeenCalled();
    },
  );

  it("a page of the list may read a result", async () => {
    server = await startServer({ corsOrigins: [APP] });
    const answer = await server.query(BODY, { origin: APP });
    expect([answer.status, corsOf(answer)]).toEqual([200, ANSWERED]);
  });

  it.each([
    [400, "{", {}],
    [401, BODY, { authorization: `Bearer ${UNKNOWN_TOKEN}` }],
    [401, BODY, { authorization: "nonsense" }],
    [413, "x".repeat(MAX_BODY_BYTES + 1), {}],
    [415, BODY, { "content-type": "text/plain" }],
  ])("a page of the list may read a refusal with status %d", async (status, body, headers) => {
    server = await startServer({ corsOrigins: [APP] });
    const answer = await server.query(body, { origin: APP, ...headers });
    expect([answer.status, corsOf(answer)]).toEqual([status, ANSWERED]);
  });

  it.each([
    [429, new GatewayError("TOO_MANY_REQUESTS", "Later")],
    [503, new GatewayError("UNAVAILABLE", "Later")],
    [500, new Error("a fault of ours")],
  ])("a page of the list may read a failure of the query with status %d", async (status, error) => {
    server = await startServer({ corsOrigins: [APP], runQuery: () => Promise.reject(error) });
    const answer = await server.query(BODY, { origin: APP });
    expect([answer.status, corsOf(answer)]).toEqual([status, ANSWERED]);
  });

  it("a page of the list may read a 405, which names the allowed methods", async () => {
    server = await startServer({ corsOrigins: [APP] });
    const answer = await fetch(`${server.url}/query`, { headers: { origin: APP } });
    expect([answer.status, answer.headers.get("allow"), corsOf(answer)]).toEqual([405, "OPTIONS, POST", ANSWERED]);
  });

  it("a page of the list may read the refusal of a body that is malformed or never complete", async () => {
    server = await startServer({ corsOrigins: [APP], requestTimeoutMs: 100 });
    const head = `POST /query HTTP/1.1\r\nHost: x\r\nOrigin: ${APP}\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\n`;
    const expected = { status: 400, headers: { "access-control-allow-origin": APP, vary: "Origin" } };
    expect(await exchange(server.url, `${head}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n`)).toMatchObject([
      expected,
    ]);
    expect(await exchange(server.url, `${head}Content-Length: 9\r\n\r\n{`)).toMatchObject([expected]);
  });

  it.each([OTHER, "null", "https://app.example:8443", "http://app.example", "https://APP.example", `${APP}, ${APP}`])(
    "a page of %s is answered, but may not read the answer",
    async (origin) => {
      server = await startServer({ corsOrigins: [APP] });
      const asked = await preflight(origin);
      expect([asked.status, corsOf(asked)]).toEqual([204, { vary: "Origin" }]);
      const answered = await server.query(BODY, { origin });
      expect([answered.status, corsOf(answered)]).toEqual([200, { vary: "Origin" }]);
      expect(await answered.json()).toMatchObject({ row_count: 1 });
    },
  );

  it("an answer to a request without an Origin header says that it varies with the origin", async () => {
    server = await startServer({ corsOrigins: [APP] });
    expect(corsOf(await server.query(BODY))).toEqual({ vary: "Origin" });
  });

  it("/health and unknown paths have no CORS headers, and Neon's route keeps its own", async () => {
    server = await startServer({ corsOrigins: [APP], neon: true });
    for (const path of ["/health", "/nothing"])
      expect(corsOf(await fetch(server.url + path, { headers: { origin: APP } }))).toEqual({});
    const neon = await preflight(APP, "/sql");
    expect([neon.status, corsOf(neon)]).toEqual([
      200,
      expect.objectContaining({ "allow-origin": "*", "max-age": "86400" }),
    ]);
  });
});

describe("with * in place of a list of allowed origins", () => {
  it.each([APP, "null"])("a page of %s may read every answer, and no answer varies with the origin", async (origin) => {
    server = await startServer({ corsOrigins: ["*"] });
    const anyone = { "allow-origin": "*", vary: undefined };
    expect(corsOf(await preflight(origin))).toEqual({ ...ASKED, ...anyone });
    for (const answer of [server.query(BODY, { origin }), server.query("{", { origin }), server.query(BODY)])
      expect(corsOf(await answer)).toEqual({ ...ANSWERED, ...anyone });
  });
});
