import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { CancelSignal } from "../../../src/base/cancel-signal.ts";
import type { QueryAnswer, RunQuery } from "../../../src/http/route.ts";
import { createHttpServer } from "../../../src/http/server.ts";
import { exchange, openSocket, readAnswers } from "./raw-http.ts";
import { MAX_BODY_BYTES, startServer, TOKEN, type TestServer } from "./start-server.ts";

const BODY = '{"sql":"SELECT 1"}';
const ANSWER: QueryAnswer = { body: Buffer.from('{"rows":[],"row_count":0}'), rowCount: 0, operation: "SELECT" };

const servers: TestServer[] = [];
async function start(options?: Parameters<typeof startServer>[0]): Promise<TestServer> {
  const server = await startServer(options);
  servers.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

function head(...more: string[]): string {
  const lines = ["POST /query HTTP/1.1", "Host: x", `Authorization: Bearer ${TOKEN}`, "Content-Type: application/json"];
  return [...lines, ...more, "", ""].join("\r\n");
}

const request = head(`Content-Length: ${BODY.length}`) + BODY;

interface Gate {
  readonly runQuery: RunQuery;
  /** Resolves to the query's signal when a query has started. */
  readonly started: Promise<CancelSignal>;
  readonly finish: () => void;
}

/** Creates a query that runs until the test lets it finish or its client has gone. */
function createGate(): Gate {
  let finish: () => void = () => undefined;
  let start: (signal: CancelSignal) => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const started = new Promise<CancelSignal>((resolve) => (start = resolve));
  const runQuery: RunQuery = async (_principal, _request, { signal }) => {
    start(signal);
    await Promise.race([
      finished,
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("cancelled")));
      }),
    ]);
    return ANSWER;
  };
  return { runQuery, started, finish };
}

describe("a body over the limit", () => {
  it.each([
    ["with a length", head(`Content-Length: ${MAX_BODY_BYTES * 50}`), Buffer.alloc(MAX_BODY_BYTES * 50, "x")],
    [
      "in chunks",
      head("Transfer-Encoding: chunked"),
      Buffer.from(`${(MAX_BODY_BYTES * 50).toString(16)}\r\n${"x".repeat(MAX_BODY_BYTES * 50)}\r\n0\r\n\r\n`),
    ],
    [
      "with a length, from a client that wants the connection closed",
      head(`Content-Length: ${MAX_BODY_BYTES * 50}`, "Connection: close"),
      Buffer.alloc(MAX_BODY_BYTES * 50, "x"),
    ],
  ])("is answered 413, even to a client that first sends all of it: %s", async (_form, headers, body) => {
    const server = await start();
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const socket = await openSocket(server.url);
        await new Promise<void>((resolve, reject) => {
          socket.write(headers);
          socket.write(body, (error) => (error ? reject(error) : resolve()));
        });
        const [answer] = await readAnswers(socket, 1);
        socket.destroy();
        return answer;
      }),
    );
    expect(answers).toHaveLength(10);
    for (const answer of answers) expect(answer).toMatchObject({ status: 413, body: { code: "PAYLOAD_TOO_LARGE" } });
  });

  it("leaves the connection open for the next request", async () => {
    const server = await start();
    const tooLarge = head(`Content-Length: ${MAX_BODY_BYTES + 1}`) + "x".repeat(MAX_BODY_BYTES + 1);
    const answers = await exchange(server.url, tooLarge + request, 2);
    expect(answers.map((answer) => answer.status)).toEqual([413, 200]);
  });

  it("is refused with one byte more than the limit, and accepted with exactly the limit", async () => {
    const server = await start();
    expect((await server.query(BODY.padEnd(MAX_BODY_BYTES))).status).toBe(200);
    expect((await server.query(BODY.padEnd(MAX_BODY_BYTES + 1))).status).toBe(413);
  });
});

describe("a body that never ends", () => {
  it.each([
    ["with a length", head("Content-Length: 100"), '{"sql":'],
    ["in chunks", head("Transfer-Encoding: chunked"), '5\r\n{"sql\r\n'],
  ])("is answered 400 after the request timeout, and the connection is closed: %s", async (_form, headers, body) => {
    const server = await start({ requestTimeoutMs: 200 });
    const socket = await openSocket(server.url);
    socket.write(headers + body);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const [answer] = await readAnswers(socket, 1);
    expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" }, headers: { connection: "close" } });
    await closed;
    expect(server.observations).toMatchObject([{ kind: "query-failed", code: "INVALID_REQUEST" }]);
  });

  it("has a timeout that does not apply to a query that runs longer than a request may take to arrive", async () => {
    const gate = createGate();
    const server = await start({ runQuery: gate.runQuery, requestTimeoutMs: 200 });
    const answer = server.query(BODY);
    await gate.started;
    // When this other connection is closed, the server has checked all connections for late requests.
    const late = await openSocket(server.url);
    late.write("POST /query HTTP/1.1\r\n");
    await readAnswers(late, 1);
    gate.finish();
    expect((await answer).status).toBe(200);
  });
});

describe("a client that goes away", () => {
  it("while its query runs aborts the query's signal and is reported as gone", async () => {
    const gate = createGate();
    const server = await start({ runQuery: gate.runQuery });
    const socket = await openSocket(server.url);
    socket.write(request);
    const signal = await gate.started;
    expect(signal.aborted).toBe(false);
    const aborted = new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(undefined));
    });
    socket.destroy();
    await aborted;
    await expect.poll(() => server.observations).toMatchObject([{ kind: "client-gone" }]);
  });

  it("before its body is complete starts no query", async () => {
    let queries = 0;
    const server = await start({
      runQuery: () => {
        queries += 1;
        return Promise.resolve(ANSWER);
      },
    });
    const socket = await openSocket(server.url);
    socket.write(head("Content-Length: 100") + '{"sql":');
    await new Promise<void>((resolve) => socket.end(resolve));
    socket.destroy();
    await expect.poll(() => server.observations).toHaveLength(1);
    expect(queries).toBe(0);
  });

  it("is not confused with a client that waits for a slow answer", async () => {
    const gate = createGate();
    const server = await start({ runQuery: gate.runQuery });
    const answer = server.query(BODY);
    const signal = await gate.started;
    await fetch(`${server.url}/health`);
    expect(signal.aborted).toBe(false);
    gate.finish();
    expect((await answer).status).toBe(200);
    expect(signal.aborted).toBe(false);
  });
});

describe("a client that reads nothing of its answer", () => {
  const STALLED_MS = 200;
  /** An answer larger than the kernel's buffers. */
  const LARGE: QueryAnswer = { ...ANSWER, body: Buffer.from(JSON.stringify("x".repeat(30_000_000))) };
  const large = head(`Content-Length: ${BODY.length}`, "X-Request-Id: large") + BODY;

  interface Stalled {
    readonly client: Socket;
    readonly connection: Socket;
  }

  /** Connects a client that sends requests and reads nothing. Returns both ends of its connection. */
  async function stall(server: TestServer, requests: string): Promise<Stalled> {
    const accepted: Socket[] = [];
    const keep = (message: unknown): void => void accepted.push((message as { socket: Socket }).socket);
    subscribe("net.server.socket", keep);
    const client = await openSocket(server.url);
    client.pause().write(requests);
    const find = (): Socket | undefined => accepted.find(({ remotePort }) => remotePort === client.localPort);
    await expect.poll(() => find() !== undefined).toBe(true);
    unsubscribe("net.server.socket", keep);
    const connection = find();
    if (connection === undefined) throw new Error("The server has seen no connection");
    return { client, connection };
  }

  const largeOr =
    (other: RunQuery): RunQuery =>
    (principal, query, context) =>
      context.requestId === "large" ? Promise.resolve(LARGE) : other(principal, query, context);

  it.each([
    ["one answer", large],
    ["many answers", large.repeat(5)],
  ])("is disconnected, and its socket is destroyed: %s", async (_name, requests) => {
    const server = await start({
      runQuery: largeOr(() => Promise.resolve(ANSWER)),
      stalledAnswerTimeoutMs: STALLED_MS,
    });
    const { client, connection } = await stall(server, requests);
    await once(connection, "close");
    expect(connection.destroyed).toBe(true);
    client.destroy();
  });

  it("is disconnected even while another query runs on its connection", async () => {
    const gate = createGate();
    const server = await start({ runQuery: largeOr(gate.runQuery), stalledAnswerTimeoutMs: STALLED_MS });
    const { client, connection } = await stall(server, large + request);
    const signal = await gate.started;
    await once(connection, "close");
    await expect.poll(() => signal.aborted).toBe(true);
    client.destroy();
  });

  it("is not confused with a client that is idle, sends slowly or waits for a query, pipelined or not", async () => {
    const gate = createGate();
    const server = await start({ runQuery: largeOr(gate.runQuery), stalledAnswerTimeoutMs: STALLED_MS });
    const [idle, sending, waiting, inRow] = await Promise.all([1, 2, 3, 4].map(() => openSocket(server.url)));
    if (!idle || !sending || !waiting || !inRow) throw new Error("A connection is missing");
    const health = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    const [answersToWaiting, answersInRow] = [readAnswers(waiting, 1), readAnswers(inRow, 2)];
    idle.write(health);
    expect(await readAnswers(idle, 1)).toMatchObject([{ status: 200 }]);
    sending.write(head(`Content-Length: ${BODY.length}`) + BODY.slice(0, 5));
    waiting.write(request);
    inRow.write(health + request);
    await gate.started;

    // A client that stalls later than all of these is disconnected. By then, the server would have disconnected the others, too.
    const { client, connection } = await stall(server, large);
    await once(connection, "close");
    client.destroy();
    gate.finish();
    sending.write(BODY.slice(5));
    idle.write(health);
    const statuses = await Promise.all([readAnswers(idle, 1), readAnswers(sending, 1), answersToWaiting, answersInRow]);
    expect(statuses.map((answers) => answers.map(({ status }) => status))).toEqual([[200], [200], [200], [200, 200]]);
    for (const socket of [idle, sending, waiting, inRow]) socket.destroy();
  });
});

describe("a request that is not valid HTTP", () => {
  it.each([
    ["an unknown method", "FOO /query HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["no HTTP at all", "hello\r\n\r\n"],
    ["a header without a name", "GET /health HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n"],
    ["a length that is no number", "POST /query HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n"],
    ["two lengths", "POST /query HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"],
    [
      "a length and chunks",
      "POST /query HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["no Host", "GET /health HTTP/1.1\r\n\r\n"],
    ["a malformed chunk", `${head("Transfer-Encoding: chunked")}zz\r\n`],
  ])("is answered 400 with Postgate's error body: %s", async (_name, text) => {
    const server = await start();
    const [answer] = await exchange(server.url, text);
    expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
    expect(answer?.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ["headers", `GET /health HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(20_000)}\r\n\r\n`],
    ["a path", `GET /${"y".repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ])("is answered 431 with Postgate's error body when it is too large: %s", async (_name, text) => {
    const server = await start();
    const [answer] = await exchange(server.url, text);
    expect(answer).toMatchObject({ status: 431, body: { code: "INVALID_REQUEST" } });
  });

  it("is not answered in place of a query that is running on the same connection", async () => {
    const gate = createGate();
    const server = await start({ runQuery: gate.runQuery });
    const socket = await openSocket(server.url);
    const answers = readAnswers(socket, 1);
    socket.write(request);
    await gate.started;
    socket.write("garbage\r\n\r\n");
    expect(await answers).toEqual([]);
  });
});

describe("requests on one connection", () => {
  it("are answered in their order when they arrive in one packet", async () => {
    const server = await start();
    const health = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    const answers = await exchange(server.url, request + health + request.replace(TOKEN, "bad") + health, 4);
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 401, 200]);
  });

  it("may arrive byte by byte, in chunks of one byte", async () => {
    const server = await start();
    const socket = await openSocket(server.url);
    socket.setNoDelay(true);
    const text = `${head("Transfer-Encoding: chunked")}${Array.from(BODY)
      .map((byte) => `1\r\n${byte}\r\n`)
      .join("")}0\r\n\r\n`;
    for (const byte of text) await new Promise((resolve) => socket.write(byte, resolve));
    expect(await readAnswers(socket, 1)).toMatchObject([{ status: 200 }]);
    socket.destroy();
  });

  it("may send Expect: 100-continue before the body", async () => {
    const server = await start();
    const socket = await openSocket(server.url);
    socket.write(head(`Content-Length: ${BODY.length}`, "Expect: 100-continue"));
    await new Promise<void>((resolve) => {
      socket.once("data", (chunk) => {
        expect(chunk.toString()).toMatch(/^HTTP\/1.1 100 /);
        resolve();
      });
    });
    socket.write(BODY);
    expect(await readAnswers(socket, 1)).toMatchObject([{ status: 200 }]);
    socket.destroy();
  });

  it("may use HTTP/1.0 without a Host header", async () => {
    const server = await start();
    expect(await exchange(server.url, "GET /health HTTP/1.0\r\n\r\n")).toMatchObject([{ status: 200 }]);
  });
});

describe("closing the server", () => {
  it("lets a running query finish and tells its client to close the connection", async () => {
    const gate = createGate();
    const server = await startServer({ runQuery: gate.runQuery });
    const answer = server.query(BODY);
    await gate.started;
    const closed = server.close(10_000);
    gate.finish();
    const response = await answer;
    expect(response.status).toBe(200);
    expect(response.headers.get("connection")).toBe("close");
    expect(await response.text()).toBe(ANSWER.body.toString());
    await closed;
    await expect(fetch(server.url)).rejects.toThrow("fetch failed");
  });

  it("refuses a request that arrives on an open connection as UNAVAILABLE", async () => {
    const gate = createGate();
    const server = await startServer({ runQuery: gate.runQuery });
    const socket = await openSocket(server.url);
    socket.write(request);
    await gate.started;
    const closed = server.close(10_000);
    const answers = readAnswers(socket, 2);
    socket.write(request);
    await expect.poll(() => server.observations).toMatchObject([{ kind: "query-failed", code: "UNAVAILABLE" }]);
    gate.finish();
    await closed;
    // The first answer announces the end of the connection, so a second answer need not arrive.
    expect((await answers)[0]).toMatchObject({ status: 200, headers: { connection: "close" } });
  });

  it("cuts the connection of a query that runs beyond the deadline, and aborts the query's signal", async () => {
    const gate = createGate();
    const server = await startServer({ runQuery: gate.runQuery });
    const answer = server.query(BODY);
    const refused = expect(answer).rejects.toThrow("fetch failed");
    const signal = await gate.started;
    await server.close(50);
    await refused;
    await expect.poll(() => signal.aborted).toBe(true);
  });

  it("does not wait for pipelined queries whose client has gone", async () => {
    const signals: CancelSignal[] = [];
    const gone = ({ aborted }: CancelSignal): boolean => aborted;
    const server = await start({
      runQuery: async (_principal, _request, { signal }) => {
        signals.push(signal);
        await expect.poll(() => signal.aborted).toBe(true);
        return ANSWER;
      },
    });
    const socket = await openSocket(server.url);
    socket.write(request.repeat(3));
    await expect.poll(() => signals.length).toBe(3);
    socket.destroy();
    await server.close(600_000);
    expect(signals.every(gone)).toBe(true);
  });

  it("does not wait for connections on which nothing was sent", async () => {
    const server = await startServer();
    const socket = await openSocket(server.url);
    const gone = new Promise((resolve) => socket.once("close", resolve));
    await server.close(600_000);
    await gone;
  });
});

describe("listening of the server", () => {
  const options = {
    authenticate: () => Promise.reject(new Error("unused")),
    runQuery: () => Promise.reject(new Error("unused")),
    observe: () => undefined,
    maxBodyBytes: 1,
  };

  it("names the setting when the port is in use", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    const server = createHttpServer(options);
    await expect(server.listen("127.0.0.1", port)).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is in use already: stop what listens there, or set POSTGATE_PORT to a free port`,
    );
    await server.close(0);
    other.close();
  });

  it.each(["203.0.113.7", "no-such-host.invalid"])("names the setting for an unusable host: %s", async (host) => {
    const server = createHttpServer(options);
    await expect(server.listen(host, 0)).rejects.toThrow("set POSTGATE_HOST to an address of this machine");
    await server.close(0);
  });

  it("returns a URL that this machine reaches when the server listens on every address", async () => {
    const server = createHttpServer(options);
    const url = await server.listen("0.0.0.0", 0);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await server.close(0);
  });
});
