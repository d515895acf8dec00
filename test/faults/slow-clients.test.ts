// Opens clients that send one byte at a time, send nothing, or close their half of the connection. The gateway serves others in the
// meantime and keeps nothing of these clients. The full tier also waits until the gateway closes their connections by itself.

import type { Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { openSocket, readAnswers } from "../integration/http/raw-http.ts";
import { useBuiltCli } from "../support/cli.ts";
import { post } from "../support/gateway.ts";
import { startGatewayProcess } from "./gateway-process.ts";
import { isFullTier } from "../support/tier.ts";

const OF_EACH_KIND = 100;
const REQUESTS = 100;
const DRIP_MS = 100;
/** The gateway waits 60 s for a whole request, so its connection is closed by then. */
const GIVEN_UP_MS = 65_000;
/** The gateway may open this many connections to PostgreSQL in the meantime. */
const MORE_HANDLES = 20;

useBuiltCli();

/** Sends one character at a time until the other side closes the connection. */
function drip(socket: Socket, text: string): void {
  let at = 0;
  const timer = setInterval(() => socket.write(text[at++ % text.length] ?? ""), DRIP_MS);
  socket.on("close", () => clearInterval(timer)).on("error", () => clearInterval(timer));
}

it("slow clients cost other clients nothing and leave nothing behind", { timeout: 120_000 }, async () => {
  const { url, token, countHandles } = await startGatewayProcess();
  const body = JSON.stringify({ sql: "select 1 as one" });
  const head = `POST /query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;
  expect((await post(url, token, body)).status).toBe(200);
  const handles = countHandles();
  const open = async (begin: (socket: Socket) => void): Promise<Socket[]> => {
    const sockets = await Promise.all(Array.from({ length: OF_EACH_KIND }, () => openSocket(url)));
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
    sockets.forEach((socket) => socket.on("error", () => undefined));
    sockets.forEach(begin);
    return sockets;
  };

  const slowBodies = await open((socket) => {
    socket.write(`${head}content-length: 100000\r\n\r\n`);
    drip(socket, body);
  });
  const slowHeads = await open((socket) => drip(socket, `${head}x-more: ${"y".repeat(10_000)}`));
  const silent = await open(() => undefined);
  const halfOpen = await open(() => undefined);
  const gone = halfOpen.map((socket) => readAnswers(socket, 1));
  for (const socket of halfOpen) socket.end(`${head}content-length: ${body.length}\r\n\r\n${body}`);

  let slowest = 0;
  for (let request = 0; request < REQUESTS; request++) {
    const since = performance.now();
    expect((await post(url, token, body)).status).toBe(200);
    slowest = Math.max(slowest, performance.now() - since);
  }
  console.info(
    `${4 * OF_EACH_KIND} slow clients; ${REQUESTS} others were served, the slowest in ${Math.round(slowest)} ms`,
  );
  await Promise.all(gone); // A client that closes its half counts as gone: the gateway answers it or closes the connection.

  if (isFullTier) {
    const given = [...slowBodies, ...slowHeads];
    await expect.poll(() => given.filter((socket) => !socket.destroyed).length, { timeout: GIVEN_UP_MS }).toBe(0);
  }
  for (const socket of [...slowBodies, ...slowHeads, ...silent, ...halfOpen]) socket.destroy();
  await expect.poll(countHandles, { timeout: 5_000 }).toBeLessThanOrEqual(handles + MORE_HANDLES);
  expect((await post(url, token, body)).status).toBe(200);
});
