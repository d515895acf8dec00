// Checks which requests the client sends again, how long it waits for an answer, and how a caller makes it give up.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PostgateClient } from "../../../src/client/index.ts";
import { startWireServer, type WireServer } from "./wire-server.ts";

const TOKEN = "pg_secret";
const ONE = { body: '{"rows":[{"one":1}],"row_count":1}' };
const answerOf = (status: number, code: string, headers = {}) => ({
  status,
  headers,
  body: JSON.stringify({ error: "no", code }),
});
const BUSY = answerOf(503, "UNAVAILABLE");

let server: WireServer;
let client: PostgateClient;

beforeEach(async () => {
  server = await startWireServer();
  client = new PostgateClient(server.url, TOKEN);
});
afterEach(() => server.close());

describe("a request that cannot have run", () => {
  it.each([BUSY, answerOf(429, "TOO_MANY_REQUESTS")])("is sent again after %j", async (refusal) => {
    server.answerWith(refusal, refusal, ONE);
    expect(await client.query("SELECT 1 AS one")).toEqual({ rows: [{ one: 1 }], row_count: 1 });
    expect(server.received.map(({ body }) => body)).toEqual(Array(3).fill('{"sql":"SELECT 1 AS one","params":null}'));
  });

  it("is sent again at most twice, or as often as the option retries allows", async () => {
    server.answerWith(BUSY);
    await expect(client.query("SELECT 1")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(server.received).toHaveLength(3);
    await expect(client.query("SELECT 1", null, { retries: 0 })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(server.received).toHaveLength(4);
    const patient = new PostgateClient(server.url, TOKEN, { retries: 1 });
    await expect(patient.batch([])).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(server.received).toHaveLength(6);
  });

  it("is not sent again before the time of Retry-After is over", async () => {
    server.answerWith(answerOf(503, "UNAVAILABLE", { "retry-after": "1" }), ONE);
    const since = performance.now();
    await client.query("SELECT 1");
    expect(performance.now() - since).toBeGreaterThanOrEqual(999);
  });

  it("is not sent again when Retry-After asks for a minute", async () => {
    server.answerWith(answerOf(429, "TOO_MANY_REQUESTS", { "retry-after": "60" }));
    await expect(client.query("SELECT 1")).rejects.toMatchObject({ retryAfterSeconds: 60 });
    expect(server.received).toHaveLength(1);
  });

  it("is sent again when the connection was refused", async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, "close");
    let attempts = 0;
    const counting: typeof fetch = (input, init) => {
      attempts += 1;
      return fetch(input, init);
    };
    const early = new PostgateClient(`http://127.0.0.1:${port}`, TOKEN, { fetch: counting });
    await expect(early.query("SELECT 1")).rejects.toMatchObject({ code: "NETWORK_ERROR" });
    expect(attempts).toBe(3);
  });
});

describe("a request that may have run", () => {
  it.each([
    ["a lost connection", { ...ONE, isCut: true }, "NETWORK_ERROR"],
    ["an error of the database", answerOf(500, "DATABASE_ERROR"), "DATABASE_ERROR"],
    ["a timeout", answerOf(504, "TIMEOUT"), "TIMEOUT"],
    ["a fault of the gateway", answerOf(500, "INTERNAL_ERROR"), "INTERNAL_ERROR"],
    ["a refusal", answerOf(400, "PARSE_ERROR"), "PARSE_ERROR"],
    ["a proxy's own 503", { status: 503, body: "<html>" }, "INVALID_RESPONSE"],
  ])("is not sent again after %s", async (_what, answer, code) => {
    server.answerWith(answer, ONE);
    await expect(client.query("INSERT INTO t VALUES (1)")).rejects.toMatchObject({ code });
    expect(server.received).toHaveLength(1);
  });
});

describe("timeoutMs", () => {
  it("ends a request that gets no answer", async () => {
    server.answerWith({ body: "", isSilent: true });
    const query = client.query("SELECT 1", null, { timeoutMs: 50 });
    await expect(query).rejects.toMatchObject({ name: "PostgateError", code: "CLIENT_TIMEOUT", status: 0 });
  });

  it("of the client applies when the query has none of its own", async () => {
    server.answerWith({ body: "", isSilent: true });
    const hasty = new PostgateClient(server.url, TOKEN, { timeoutMs: 50 });
    await expect(hasty.batch([])).rejects.toMatchObject({ code: "CLIENT_TIMEOUT" });
  });

  it("includes the wait before a retry; if that is too long, the query fails with the refusal at once", async () => {
    server.answerWith(answerOf(503, "UNAVAILABLE", { "retry-after": "5" }));
    const query = client.query("SELECT 1", null, { timeoutMs: 1_000 });
    await expect(query).rejects.toMatchObject({ code: "UNAVAILABLE", retryAfterSeconds: 5 });
    expect(server.received).toHaveLength(1);
  });
});

describe("signal", () => {
  it("rejects a running request with the signal's reason", async () => {
    server.answerWith({ body: "", isSilent: true });
    const controller = new AbortController();
    const query = client.query("SELECT 1", null, { signal: controller.signal, timeoutMs: 60_000 });
    const reason = new Error("changed my mind");
    await expect.poll(() => server.received.length).toBe(1);
    controller.abort(reason);
    await expect(query).rejects.toBe(reason);
  });

  it("ends the wait before a retry", async () => {
    server.answerWith(answerOf(503, "UNAVAILABLE", { "retry-after": "9" }));
    const controller = new AbortController();
    const query = client.query("SELECT 1", null, { signal: controller.signal });
    await expect.poll(() => server.received.length).toBe(1);
    setTimeout(() => controller.abort(), 20);
    await expect(query).rejects.toMatchObject({ name: "AbortError" });
    expect(server.received).toHaveLength(1);
  });

  it("that is already aborted keeps the request from being sent", async () => {
    await expect(client.query("SELECT 1", null, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(server.received).toEqual([]);
  });
});
