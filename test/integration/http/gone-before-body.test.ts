// Checks that a client that goes away while its token is looked up leaves nothing behind: the limits and the budgets no longer count
// its request.

import { once } from "node:events";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Principal } from "../../../src/auth/principal.ts";
import { principalOf } from "./principal-of.ts";
import { openSocket } from "./raw-http.ts";
import { MAX_BODY_BYTES, startServer, TOKEN, type TestServer } from "./start-server.ts";

const LARGE = '{"sql":"SELECT 1"}'.padEnd(MAX_BODY_BYTES);
const { tenant, ...rest } = principalOf(TOKEN);
/** A principal whose tenant may run one query at a time. */
const PRINCIPAL: Principal = { ...rest, tenant: { ...tenant, limits: { maxConcurrentQueries: 1 } } };

let server: TestServer;
let isHeldUp: boolean;
let lookUps: (() => void)[];

beforeEach(async () => {
  isHeldUp = true;
  lookUps = [];
  server = await startServer({
    async authenticate() {
      if (isHeldUp) await new Promise<void>((resolve) => lookUps.push(resolve));
      return PRINCIPAL;
    },
    maxHeldBodyBytes: 0, // The smallest limit: one large body for each tenant.
  });
});
afterEach(() => server.close(0));

const HEAD = ["POST /query HTTP/1.1", "host: x", `authorization: ${TOKEN}`, "content-type: application/json"];

it.each([
  ["all of a small one has come", `content-length: 18\r\n\r\n{"sql":"SELECT 1"}`],
  ["a large one has begun", `content-length: ${MAX_BODY_BYTES}\r\n\r\n{`],
  ["a large one is to come", `content-length: ${MAX_BODY_BYTES}\r\n\r\n`],
  ["one in chunks has begun", `transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`],
])("stops counting a request whose client has gone when %s of its body", async (_, body) => {
  const goes = ["end", "destroy", "resetAndDestroy"] as const;
  for (const go of goes) {
    const socket = await openSocket(server.url);
    socket.on("error", () => undefined).resume();
    socket.write(`${[...HEAD, ""].join("\r\n")}${body}`);
    await expect.poll(() => lookUps.length).toBe(goes.indexOf(go) + 1);
    socket[go]();
    if (go === "end") socket.destroySoon();
    await once(socket, "close");
  }
  for (let count = 0; count < 3; count++) await (await fetch(`${server.url}/health`)).text(); // The server knows now.
  isHeldUp = false;
  for (const found of lookUps) found();
  await expect.poll(async () => (await server.query(LARGE)).status).toBe(200);
});
