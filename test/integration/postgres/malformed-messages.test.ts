// Tests that an untrusted server at the other end of a connection string can only break its own connection.

import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { connect } from "../../../src/postgres/connect.ts";
import type { ConnectionSettings } from "../../../src/postgres/connection-settings.ts";
import { QueryPool } from "../../../src/postgres/query-pool.ts";

const AUTHENTICATED = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]);
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
/** A row description that announces 100 fields and holds none. */
const MALFORMED = Buffer.from([0x54, 0, 0, 0, 6, 0, 100]);

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Starts a server that answers the login with `greeting`, and the next message with `answer`. */
async function startServer(greeting: Buffer, answer: Buffer | undefined): Promise<ConnectionSettings> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write(greeting);
      socket.once("data", () => answer && socket.write(answer));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    host: "127.0.0.1",
    port,
    user: "u",
    password: "p",
    database: "d",
    sslMode: "disable",
    sslRootCert: undefined,
  };
}

describe("a connection to a server that sends malformed messages", () => {
  it("fails when such a message comes during the login", async () => {
    await expect(connect(await startServer(MALFORMED, undefined))).rejects.toThrow("cannot connect");
  });

  it.each([
    {
      name: "a message that does not end",
      flood: Buffer.concat([Buffer.from([0x53, 0x7f, 0, 0, 0]), Buffer.alloc(1e6)]),
    },
    { name: "notices without end", flood: Buffer.alloc(1e6, Buffer.from([0x4e, 0, 0, 0, 5, 0])) },
  ])("fails soon when the login is answered with $name", async ({ flood }) => {
    await expect(connect(await startServer(flood, undefined))).rejects.toThrow("more than was asked for");
  });

  it("is cut when the answer of a query exceeds its limit", async () => {
    const rows = Buffer.alloc(7e5, Buffer.from([0x44, 0, 0, 0, 6, 0, 0]));
    const fields = Buffer.from([0x54, 0, 0, 0, 6, 0, 0]);
    const connection = await startServer(Buffer.concat([AUTHENTICATED, READY]), Buffer.concat([fields, rows]));
    const client = await connect(connection, { maxAnswerBytes: 100_000 });
    await expect(client.query("select 1")).rejects.toThrow();
    expect(client.connection.stream.destroyed).toBe(true);
  });

  it("fails the query whose answer is malformed", async () => {
    const client = await connect(await startServer(Buffer.concat([AUTHENTICATED, READY]), MALFORMED));
    await expect(client.query("select 1")).rejects.toThrow();
  });
});

describe("QueryPool", () => {
  it("does not wait longer than its timeout for a server that does not answer", async () => {
    const connection = await startServer(Buffer.concat([AUTHENTICATED, READY]), undefined);
    const pool = new QueryPool({ connection, maxConnections: 1, timeoutMs: 200 });
    const query = { name: "one", text: "select 1" };
    const since = performance.now();
    const answers = await Promise.allSettled([pool.query(query, []), pool.query(query, []), pool.query(query, [])]);
    expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(performance.now() - since).toBeLessThan(5 * 1_200);
    await pool.close();
  });
});
