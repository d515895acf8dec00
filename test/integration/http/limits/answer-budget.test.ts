import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { principalOf } from "../principal-of.ts";
import { startServer, type TestServer } from "../start-server.ts";

/** An answer larger than the kernel's buffers. */
const LARGE = Buffer.from(JSON.stringify("x".repeat(20_000_000)));
const SMALL = Buffer.from("{}");
const BODY = '{"sql":"SELECT 1"}';
const [A = "", B = "", C = ""] = Array.from("abc", (letter) => `pg_${letter.repeat(64)}`);

function requestOf(token: string): string {
  return (
    `POST /query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`
  );
}

let server: TestServer;
let answer: Buffer;
let asked: number;
/** The first query waits for this promise. */
let firstMayEnd: Promise<void> | undefined;
const sockets: Socket[] = [];

beforeEach(async () => {
  answer = LARGE;
  asked = 0;
  firstMayEnd = undefined;
  // The limit holds two large answers. One large answer fills the half that a tenant may use.
  server = await startServer({
    authenticate: (token) => Promise.resolve(principalOf(token)),
    runQuery: async () => {
      asked += 1;
      if (asked === 1) await firstMayEnd;
      return { body: answer, rowCount: 0, operation: "SELECT" };
    },
    maxHeldAnswerBytes: 2 * LARGE.length,
  });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close(0);
});

/** Sends several requests at once on one connection, and reads nothing. */
function pipeline(token: string, count: number): Socket {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname).pause();
  sockets.push(socket);
  socket.write(requestOf(token).repeat(count));
  return socket;
}

/** Sends a request, waits until the answer begins, and reads no more of it. */
async function askAndStopReading(token: string): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  socket.write(requestOf(token));
  await once(socket, "data");
  socket.pause();
  return socket;
}

const ask = (token: string): Promise<Response> => server.query(BODY, { authorization: `Bearer ${token}` });

it("refuses a tenant whose clients do not read their answers, and no other tenant", async () => {
  await askAndStopReading(A);
  answer = SMALL;

  const refused = await ask(A);
  expect(refused.status).toBe(429);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await refused.json()).toMatchObject({ code: "TOO_MANY_REQUESTS" });
  expect((await ask(B)).status).toBe(200);
});

it("refuses every tenant when too many answers of all tenants are unread", async () => {
  await Promise.all([askAndStopReading(A), askAndStopReading(B)]);
  answer = SMALL;

  expect((await ask(C)).status).toBe(503);
});

it("stops counting an answer when it has been read or its client has gone", async () => {
  const [reader, leaver] = await Promise.all([askAndStopReading(A), askAndStopReading(B)]);
  answer = SMALL;
  reader.resume();
  leaver.destroy();

  await expect.poll(async () => (await ask(A)).status, { timeout: 10_000 }).toBe(200);
  await expect.poll(async () => (await ask(B)).status, { timeout: 10_000 }).toBe(200);
});

it("stops counting answers that waited for an earlier one when their connection has closed", async () => {
  firstMayEnd = new Promise(() => undefined);
  const gone = pipeline(A, 3);
  await expect.poll(async () => (await ask(A)).status).toBe(429);
  gone.destroy();
  answer = SMALL;

  await expect.poll(async () => (await ask(A)).status).toBe(200);
});

it("counts small answers that wait for an earlier one on their connection", async () => {
  firstMayEnd = new Promise(() => undefined);
  answer = Buffer.alloc(60_000, "x");
  for (let count = 0; count < 10; count += 1) pipeline(A, 200);

  await expect.poll(async () => (await ask(A)).status).toBe(429);
  expect((await ask(B)).status).toBe(200);
});

it("does not count small answers that are sent at once", async () => {
  answer = SMALL;
  await Promise.all(Array.from({ length: 20 }, () => ask(A)));

  expect((await ask(A)).status).toBe(200);
});
