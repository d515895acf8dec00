// Measures the memory that clients which do not read their answers cost a running gateway.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { totalmem } from "node:os";
import { describe, expect, it, onTestFinished } from "vitest";
import { makeFolder } from "../integration/embedded/data-dirs.ts";
import { startCli, useBuiltCli } from "../support/cli.ts";
import { createTestDatabase } from "../support/cluster.ts";
import { post } from "../support/gateway.ts";

const READERS = 100;
const AT_ONCE = 10;
const ANSWER_BYTES = 10_000_000;
/**
 * The limit is the sum of three parts: the answers themselves; at most three times the answer for each of the pool's ten connections,
 * which still receive and encode; and 300 MB for the program.
 */
const MAX_RSS_BYTES = READERS * ANSWER_BYTES + 10 * 3 * ANSWER_BYTES + 300_000_000;

useBuiltCli();

/** Returns the largest resident size that the process ever had. */
function peakBytes(pid: number): number {
  const [, kilobytes = ""] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

/** Asks for the large answer, waits for its beginning, and reads no more of it. */
async function askAndStopReading(url: string, token: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const body = JSON.stringify({ sql: `SELECT repeat('x', ${ANSWER_BYTES}) AS v` });
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  socket.write(
    `POST /query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const [begin] = (await once(socket, "data")) as [Buffer];
  socket.pause();
  expect(begin.toString("latin1", 0, 15)).toBe("HTTP/1.1 200 OK");
  return socket;
}

/** On a machine with less memory, a tenant's share of the memory for answers is less than 100 answers. */
const MIN_MEMORY_BYTES = 8 * 2 ** 30;

describe.skipIf(process.platform !== "linux" || totalmem() < MIN_MEMORY_BYTES)(
  "a hundred clients that stop reading their answers",
  () => {
    it("cost only the memory of their answers, and other clients are served", { timeout: 120_000 }, async () => {
      const database = await createTestDatabase();
      onTestFinished(() => database.close());
      const { host, user, database: name } = database.connection;
      const server = startCli([], {
        cwd: await makeFolder(),
        env: { DATABASE_URL: `postgres://${user}@/${name}?host=${encodeURIComponent(host)}`, POSTGATE_PORT: "0" },
      });
      const [, url = ""] = await server.until("stderr", /"url":"(http:[^"]+)"/);
      const tokens = await database.query(
        `select t.token from generate_series(1, 2) n, lateral create_tenant_database('shop ' || n) d,
       lateral create_tenant_token(d.id) t`,
      );
      const [slow = "", other = ""] = tokens.map((row) => String(row.token));
      const { pid = 0 } = server.child;

      // Only a few ask at a time, because the time that waiters need for a connection depends on the machine.
      for (let count = 0; count < READERS; count += AT_ONCE)
        await Promise.all(Array.from({ length: AT_ONCE }, () => askAndStopReading(url, slow)));

      const peak = peakBytes(pid);
      console.info(`${READERS} answers of 10 MB that nobody reads: ${Math.round(peak / 1e6)} MB of memory at most`);
      expect(peak).toBeLessThan(MAX_RSS_BYTES);
      expect((await post(url, other, { sql: "SELECT 1 AS one" })).body).toEqual({ rows: [{ one: 1 }], row_count: 1 });
    });
  },
);
