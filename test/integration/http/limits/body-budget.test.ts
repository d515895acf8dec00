import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunQuery } from "../../../../src/http/route.ts";
import { principalOf } from "../principal-of.ts";
import { openSocket } from "../raw-http.ts";
import { MAX_BODY_BYTES, startServer, TOKEN, type TestServer } from "../start-server.ts";

const LARGE = '{"sql":"SELECT 1"}'.padEnd(MAX_BODY_BYTES);
const SMALL = '{"sql":"SELECT 1"}'.padEnd(65_536);

/** Each of the five tokens belongs to its own tenant. */
const TOKENS = Array.from("abcde", (letter) => `pg_${letter.repeat(64)}`);
const [A = "", B = "", C = "", D = "", E = ""] = TOKENS;

let server: TestServer;
let waiting: (() => void)[];

/** Every query waits until the test lets all of them finish. */
const runQuery: RunQuery = async (_principal, _query, { signal }) => {
  await new Promise<void>((resolve, reject) => {
    waiting.push(resolve);
    signal.addEventListener("abort", () => reject(new Error("cancelled")));
  });
  return { body: Buffer.from('{"rows":[],"row_count":0}'), rowCount: 0, operation: "SELECT" };
};

beforeEach(async () => {
  waiting = [];
  // The smallest limit: four bodies of the largest size in all, and one for each tenant.
  server = await startServer({
    authenticate: (token) => Promise.resolve(principalOf(token)),
    runQuery,
    maxHeldBodyBytes: 0,
  });
});
afterEach(() => server.close(0));

function send(token: string, body: string): Promise<Response> {
  return server.query(body, { authorization: token });
}

/** Sends the body in chunks, without a length. */
function sendStream(token: string, body: string): Promise<Response> {
  return fetch(`${server.url}/query`, {
    method: "POST",
    headers: { authorization: token, "content-type": "application/json" },
    body: new Blob([body]).stream(),
    duplex: "half",
  });
}

function finishAll(): void {
  for (const finish of waiting.splice(0)) finish();
}

describe("large bodies whose queries have not ended", () => {
  it.each([
    ["with a length", send],
    ["in chunks", sendStream],
  ])("are refused with 429 beyond the tenant's share, but not when there is room again: %s", async (_form, again) => {
    const first = again(A, LARGE);
    await expect.poll(() => waiting).toHaveLength(1);
    const refused = await again(A, LARGE);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({ code: "TOO_MANY_REQUESTS" });

    finishAll();
    expect((await first).status).toBe(200);
    const later = again(A, LARGE);
    await expect.poll(() => waiting).toHaveLength(1);
    finishAll();
    expect((await later).status).toBe(200);
  });

  it("are refused with 503 beyond the limit of all tenants together", async () => {
    const running = [A, B, C, D].map((token) => send(token, LARGE));
    await expect.poll(() => waiting).toHaveLength(4);
    const refused = await send(E, LARGE);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({ code: "UNAVAILABLE" });
    finishAll();
    for (const answer of await Promise.all(running)) expect(answer.status).toBe(200);
  });

  it("do not keep any tenant from sending small bodies", async () => {
    const running = [A, B, C, D].map((token) => send(token, LARGE));
    await expect.poll(() => waiting).toHaveLength(4);
    const small = [send(A, SMALL), send(E, SMALL), sendStream(A, SMALL)];
    await expect.poll(() => waiting).toHaveLength(7);
    finishAll();
    for (const answer of await Promise.all([...running, ...small])) expect(answer.status).toBe(200);
  });

  it.each([
    ["in mid-body", LARGE.slice(0, 1_000), 0],
    ["in mid-query", LARGE, 1],
  ])("no longer count when the client has gone: %s", async (_when, sent, queries) => {
    const socket = await openSocket(server.url);
    const lines = ["POST /query HTTP/1.1", "Host: x", `Authorization: ${A}`, "Content-Type: application/json"];
    socket.write([...lines, "Expect: 100-continue", `Content-Length: ${LARGE.length}`, "", ""].join("\r\n"));
    await once(socket, "data");
    socket.write(sent);
    await expect.poll(() => waiting).toHaveLength(queries);
    expect((await send(A, LARGE)).status).toBe(429);

    socket.destroy();
    await expect.poll(async () => (await send(A, LARGE.replace("}", ""))).status).toBe(400);
  });
});

it("a body in chunks of one byte takes no more memory than one in large chunks", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heapBytes = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  let whileRunning = 0;
  const own = await startServer({
    maxBodyBytes: 1_000_000,
    runQuery: () => {
      whileRunning = heapBytes();
      return Promise.resolve({ body: Buffer.from("{}"), rowCount: 0, operation: "SELECT" });
    },
  });
  const socket = await openSocket(own.url);
  const head = ["POST /query HTTP/1.1", "Host: x", `Authorization: ${TOKEN}`, "Content-Type: application/json"];
  socket.write([...head, "Transfer-Encoding: chunked", "", ""].join("\r\n"));
  const before = heapBytes();
  for (let count = 0; count < 30; count += 1) socket.write("1\r\n \r\n".repeat(10_000));
  socket.write('12\r\n{"sql":"SELECT 1"}\r\n0\r\n\r\n');
  await once(socket, "data");
  socket.destroy();
  await own.close(0);

  expect(whileRunning - before).toBeLessThan(10_000_000);
});
