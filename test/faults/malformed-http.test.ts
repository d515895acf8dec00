// Sends many malformed HTTP requests. The gateway refuses them in the documented form and serves others in the meantime. The tests in
// ../integration/http check the answer to each kind in detail.

import { expect, it } from "vitest";
import { exchange } from "../integration/http/raw-http.ts";
import { useBuiltCli } from "../support/cli.ts";
import { post } from "../support/gateway.ts";
import { startGatewayProcess } from "./gateway-process.ts";

const OF_EACH_KIND = 50;
const PIPELINED = 50;
const MORE_HANDLES = 20;

const KINDS: readonly (readonly [kind: string, text: string, status: number])[] = [
  ["oversized headers", `GET /health HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(100_000)}\r\n\r\n`, 431],
  ["an oversized path", `GET /${"y".repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, 431],
  ["ten thousand headers", `GET /health HTTP/1.1\r\nhost: x\r\n${"a: b\r\n".repeat(10_000)}\r\n`, 431],
  ["a handshake of TLS", `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${"\x00".repeat(100)}`, 400],
  ["a request of PostgreSQL's", "\x00\x00\x00\x08\x04\xd2\x16\x2f\r\n\r\n", 400],
  ["two lengths", "POST /query HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx", 400],
  [
    "a length and chunks",
    "POST /query HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
  ],
];

useBuiltCli();

it("malformed HTTP is refused, and other clients are served in the meantime", { timeout: 60_000 }, async () => {
  const { url, token, countHandles } = await startGatewayProcess();
  expect((await post(url, token, { sql: "select 1" })).status).toBe(200);
  const handles = countHandles();
  let isOver = false;
  const attackers = KINDS.map(async ([kind, text, status]) => {
    for (let n = 0; n < OF_EACH_KIND; n++) {
      const [answer] = await exchange(url, Buffer.from(text, "latin1"));
      expect(answer, kind).toMatchObject({ status, body: { code: "INVALID_REQUEST" } });
    }
  });
  const refusals = Promise.all(attackers).finally(() => (isOver = true));
  let served = 0;
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it is set when the refusals are over
  while (!isOver) {
    expect((await post(url, token, { sql: "select 1" })).status).toBe(200);
    served += 1;
  }
  await refusals;
  console.info(`${KINDS.length * OF_EACH_KIND} refused, ${served} others served meanwhile`);
  await expect.poll(countHandles, { timeout: 5_000 }).toBeLessThanOrEqual(handles + MORE_HANDLES);
});

it("pipelined requests are not malformed: each is answered, in order", async () => {
  const { url, token } = await startGatewayProcess();
  const requests = Array.from({ length: PIPELINED }, (_, n) => {
    const body = JSON.stringify({ sql: "select $1::int as n", params: [n] });
    return `POST /query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  });
  const answers = await exchange(url, requests.join(""), PIPELINED);
  expect(answers.map(({ body }) => (body as { rows: { n: number }[] }).rows[0]?.n)).toEqual(
    Array.from({ length: PIPELINED }, (_, n) => n),
  );
});
