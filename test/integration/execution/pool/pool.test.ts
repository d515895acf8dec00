import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Connection } from "../../../../src/execution/pool/connection.ts";
import type { Piece } from "../../../../src/execution/pipeline.ts";
import { Pool } from "../../../../src/execution/pool/pool.ts";
import type { PoolOptions } from "../../../../src/execution/pool/pool-options.ts";
import type { Session } from "../../../../src/execution/session.ts";
import { queryAs } from "../../migration/support.ts";
import { clusterConnection, createTestDatabase, openToEverybody } from "../../../support/cluster.ts";
import { type Proxy, startProxy } from "../proxy.ts";

const never = new AbortController().signal;

function sessionOf(tenant: string, key = tenant): Session {
  return { tenant, key, role: undefined, searchPath: undefined, readOnly: false, hidesValues: false };
}

describe("Pool", () => {
  let pool: Pool;
  const start = (options: Partial<PoolOptions> = {}): Pool =>
    (pool = new Pool({ connection: clusterConnection(), maxConnections: 1, ...options }));
  afterEach(() => pool.close(100));

  const acquire = async (tenant: string, key = tenant): Promise<Connection> =>
    pool.acquire(sessionOf(tenant, key), never);

  it("opens no more connections than it may", async () => {
    start({ maxConnections: 2, maxPerTenant: 2 });
    const held = await Promise.all([acquire("a"), acquire("a")]);
    const third = acquire("a");
    for (const connection of held) pool.release(connection);
    pool.release(await third);
    expect(pool.connectionCount).toBe(2);
  });

  it("serves tenants in turn, however many requests one of them has waiting", async () => {
    start();
    const first = await acquire("greedy");
    const served: string[] = [];
    const next = async (tenant: string): Promise<void> => {
      const connection = await acquire(tenant);
      served.push(tenant);
      pool.release(connection);
    };
    const all = [...Array.from({ length: 4 }, () => next("greedy")), next("modest"), next("shy"), next("modest")];
    pool.release(first);
    await Promise.all(all);
    expect(served).toEqual(["greedy", "modest", "shy", "greedy", "modest", "greedy", "greedy"]);
  });

  it("serves another tenant's single request next, though one has 500 waiting", async () => {
    start({ maxWaiting: 1_000 });
    const first = await acquire("greedy");
    const served: string[] = [];
    const next = async (tenant: string): Promise<void> => {
      const connection = await acquire(tenant);
      served.push(tenant);
      pool.release(connection);
    };
    const all = [...Array.from({ length: 500 }, () => next("greedy")), next("modest")];
    pool.release(first);
    await Promise.all(all);
    expect(served.indexOf("modest")).toBe(1);
    expect(served).toHaveLength(501);
  });

  it("keeps connections that one tenant cannot take", async () => {
    start({ maxConnections: 4 });
    const held = await Promise.all([acquire("greedy"), acquire("greedy"), acquire("greedy")]);
    let isServed = false;
    const fourth = acquire("greedy").then((connection) => {
      isServed = true;
      return connection;
    });
    pool.release(await acquire("modest"));
    expect(isServed).toBe(false);
    for (const connection of held) pool.release(connection);
    pool.release(await fourth);
  });

  it("prefers the connection that last served the session", async () => {
    start({ maxConnections: 2, maxPerTenant: 2 });
    const [one, two] = await Promise.all([acquire("t", "x"), acquire("t", "y")]);
    one.begin({
      session: sessionOf("t", "x"),
      isReadOnly: false,
      timeoutMs: 1,
      transaction: [],
      forgetsSequences: false,
    });
    two.begin({
      session: sessionOf("t", "y"),
      isReadOnly: false,
      timeoutMs: 1,
      transaction: [],
      forgetsSequences: false,
    });
    pool.release(one);
    pool.release(two);
    const again = await acquire("t", "x");
    expect(again).toBe(one);
    pool.release(again);
    const other = await acquire("t", "z");
    expect(other).toBe(two); // The one that was idle for longest.
    pool.release(other);
  });

  it("tells why it cannot grow, and serves on over what it has", async () => {
    const database = await createTestDatabase();
    await openToEverybody(database);
    onTestFinished(() => database.close());
    const role = `few_${randomBytes(4).toString("hex")}`;
    await database.query(`create role ${role} login connection limit 1`);
    onTestFinished(() => queryAs(clusterConnection(), `drop role ${role}`).then(() => undefined));
    const onOpenFailed = vi.fn();
    start({ connection: { ...database.connection, user: role }, maxConnections: 2, maxPerTenant: 2, onOpenFailed });
    const first = await acquire("a");
    const second = acquire("b");
    await expect.poll(() => onOpenFailed.mock.calls).toHaveLength(1);
    expect(onOpenFailed.mock.calls[0]).toMatchObject([{ sqlstate: "53300" }]);
    pool.release(first);
    expect(await second).toBe(first);
    pool.release(first);
  });

  it("keeps some open that nobody holds, before the first request and however long nobody uses them", async () => {
    vi.useFakeTimers({ toFake: ["setInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    start({ maxConnections: 8, spareConnections: 2, idleTimeoutMs: 0 });
    await vi.waitFor(() => expect(pool.connectionCount).toBe(2), { timeout: 10_000 });
    const held = await Promise.all([acquire("a"), acquire("b"), acquire("b")]);
    await vi.waitFor(() => expect(pool.connectionCount).toBe(5), { timeout: 10_000 });
    for (const connection of held) pool.release(connection);
    vi.advanceTimersByTime(10_000);
    expect(pool.usage).toMatchObject({ connections: 2, inUse: 0 });
    vi.advanceTimersByTime(60_000);
    expect(pool.connectionCount).toBe(2);
  });

  it("opens another before it ends one that has reached its age", async () => {
    vi.useFakeTimers({ toFake: ["setInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    start({ maxConnections: 4, spareConnections: 1, maxLifetimeMs: 0 });
    await vi.waitFor(() => expect(pool.connectionCount).toBe(1), { timeout: 10_000 });
    vi.advanceTimersByTime(10_000);
    expect(pool.connectionCount).toBe(1);
    await vi.waitFor(() => expect(pool.connectionCount).toBe(2), { timeout: 10_000 });
    vi.advanceTimersByTime(10_000);
    expect(pool.connectionCount).toBe(1);
  });

  it("has connections for others when one tenant holds its share and the server takes no more", async () => {
    const database = await createTestDatabase();
    await openToEverybody(database);
    const user = `spare_${randomBytes(4).toString("hex")}`;
    await database.query(`create role ${user} login`);
    onTestFinished(async () => {
      await pool.close(100);
      await database.query(`drop role ${user}`);
      await database.close();
    });
    let failures = 0;
    const onOpenFailed = (): void => void (failures += 1);
    start({ connection: { ...database.connection, user }, maxConnections: 4, spareConnections: 1, onOpenFailed });
    const greedy = await Promise.all([acquire("greedy"), acquire("greedy"), acquire("greedy")]);
    await vi.waitFor(() => expect(pool.connectionCount).toBe(4), { timeout: 10_000 });
    await database.query(`alter role ${user} connection limit 0`);

    pool.release(await acquire("modest"));

    expect(failures).toBe(0);
    for (const connection of greedy) pool.release(connection);
  });

  it("comes back to the connection that has a session's statements, whoever used it meanwhile", async () => {
    start({ maxConnections: 2, maxPerTenant: 2 });
    const serve = (key: string, connection: Connection): void => {
      connection.begin({
        session: sessionOf(key),
        isReadOnly: false,
        timeoutMs: 1,
        transaction: [],
        forgetsSequences: false,
      });
    };
    const [home, other] = await Promise.all([acquire("x"), acquire("y")]);
    serve("x", home);
    serve("y", other);
    pool.release(other);
    const busy = await acquire("x"); // While its home is.
    expect(busy).toBe(other);
    serve("x", busy);
    pool.release(home);
    pool.release(busy);
    const third = await acquire("z"); // The one that was idle for longest.
    expect(third).toBe(home);
    serve("z", third);
    const fourth = await acquire("z2");
    serve("z2", fourth);
    pool.release(fourth);
    pool.release(third);
    const again = await acquire("x");
    expect(again).toBe(home);
    home.destroy();
    pool.release(again);
    const rehomed = await acquire("x");
    expect(rehomed).toBe(other);
    pool.release(rehomed);
  });

  it("refuses who would wait in a queue that is full", async () => {
    start({ maxWaiting: 1 });
    const held = await acquire("a");
    const waiting = acquire("a");
    await expect(acquire("b")).rejects.toMatchObject({ code: "UNAVAILABLE", retryAfterSeconds: 1 });
    pool.release(held);
    pool.release(await waiting);
  });

  it("gives a tenant a free connection at once, however many requests of another wait", async () => {
    start({ maxConnections: 4, maxWaiting: 5 });
    const held = await Promise.all([acquire("greedy"), acquire("greedy"), acquire("greedy")]);
    const waiting = Array.from({ length: 5 }, () => acquire("greedy").catch((error: unknown) => error));
    pool.release(await acquire("modest"));
    for (const connection of held) pool.release(connection);
    for (const [index, outcome] of waiting.entries()) {
      const result = await outcome;
      if (index < 3) pool.release(result as Connection);
      else expect(result).toMatchObject({ code: "TOO_MANY_REQUESTS", retryAfterSeconds: 1 });
    }
  });

  it("finds a place in a full queue for who has none, at the cost of the newest of who has most", async () => {
    start({ maxWaiting: 4 });
    const held = await acquire("first");
    const [one, two, three, four] = ["many", "many", "few", "first"].map((tenant) =>
      acquire(tenant).catch((error: unknown) => error),
    );
    const newcomer = acquire("newcomer");
    expect(await two).toMatchObject({ code: "UNAVAILABLE", retryAfterSeconds: 1 });
    await expect(acquire("another")).rejects.toMatchObject({ code: "UNAVAILABLE" }); // Nobody has more than one.
    pool.release(held);
    for (const served of [one, three, four, newcomer]) pool.release((await served) as Connection);
  });

  it("refuses who has waited too long, and serves the next", async () => {
    start({ waitTimeoutMs: 50 });
    const held = await acquire("a");
    await expect(acquire("a")).rejects.toMatchObject({ code: "UNAVAILABLE", retryAfterSeconds: 1 });
    pool.release(held);
    pool.release(await acquire("a"));
  });

  it("forgets who has stopped waiting", async () => {
    start();
    const held = await acquire("a");
    const controller = new AbortController();
    const left = pool.acquire(sessionOf("a"), controller.signal);
    const gone = expect(left).rejects.toThrow();
    controller.abort();
    await gone;
    pool.release(held);
    expect(pool.isIdle).toBe(true);
  });

  it("closes connections that nobody has used for long", async () => {
    start({ idleTimeoutMs: 0 });
    pool.release(await acquire("a"));
    await expect.poll(() => pool.connectionCount, { timeout: 15_000, interval: 500 }).toBe(0);
  });

  it("lets what runs and what waits come to its end when it closes, and refuses what comes", async () => {
    start();
    const held = await acquire("a");
    const waiting = acquire("a");
    const closing = pool.close(10_000);
    await expect(acquire("a")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    pool.release(held);
    pool.release(await waiting);
    await closing;
    expect(pool.connectionCount).toBe(0);
  });

  it("cuts what still runs, and refuses what still waits, at the deadline of closing", async () => {
    start();
    const held = await acquire("a");
    const running = held.run({
      first: sleepPiece(held),
      fixedCount: 1,
      guardCount: 0,
      mayWrite: false,
      statementCount: 1,
      maxBytes: 1_000,
      maxRows: 1,
    });
    const waiting = expect(acquire("a")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await pool.close(50);
    await waiting;
    expect(await running).toMatchObject({ kind: expect.stringMatching(/lost|refused/) as string });
    pool.release(held);
  });

  describe("when the server cannot be used", () => {
    let server: Server;
    let port: number;
    beforeEach(async () => {
      server = createServer((socket) => socket.destroy());
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      ({ port } = server.address() as { port: number });
    });
    afterEach(() => server.close());

    it("refuses all who wait, without a word about the place", async () => {
      start({ connection: { ...clusterConnection(), host: "127.0.0.1", port } });
      const failures = await Promise.all(
        ["a", "b", "c"].map((tenant) => acquire(tenant).catch((error: unknown) => error)),
      );
      for (const failure of failures) {
        expect(failure).toMatchObject({ code: "UNAVAILABLE", retryAfterSeconds: 1 });
        expect(JSON.stringify(failure) + (failure as Error).message).not.toMatch(/127\.0\.0\.1|postgres/);
      }
    });

    it("refuses a login that is refused, and tries again for the next", async () => {
      start({ connection: { ...clusterConnection(), user: "nobody_at_all" } });
      await expect(acquire("a")).rejects.toMatchObject({ code: "UNAVAILABLE" });
      await expect(acquire("a")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    });
  });

  describe("when the server stops to answer", () => {
    let proxy: Proxy;
    let isFrozen: boolean;
    beforeEach(async () => {
      isFrozen = false;
      proxy = await startProxy(clusterConnection(), { passesRequest: () => !isFrozen, passesAnswer: () => !isFrozen });
    });
    afterEach(() => proxy.close());

    it("gives up a connection that hangs after its login, and serves the next on another", async () => {
      const isParse = (chunk: Buffer): boolean => chunk[0] === "P".charCodeAt(0);
      let isHanging = true;
      const hanging = await startProxy(clusterConnection(), {
        passesRequest: (chunk) => !(isHanging && isParse(chunk)),
      });
      start({ connection: hanging.connection, openTimeoutMs: 100 });
      await expect(acquire("a")).rejects.toMatchObject({ code: "UNAVAILABLE", retryAfterSeconds: 1 });
      isHanging = false;
      pool.release(await acquire("a"));
      await pool.close(1_000);
      await hanging.close();
    });

    it("closes within the deadline, and leaves no connection behind", async () => {
      start({ connection: proxy.connection, maxConnections: 2, maxPerTenant: 2 });
      const [one, two] = await Promise.all([acquire("a"), acquire("a")]);
      let endCount = 0;
      for (const connection of [one, two]) connection.onEnd(() => (endCount += 1));
      pool.release(one);
      isFrozen = true;
      const closing = pool.close(100);
      pool.release(two);
      await closing;
      await expect.poll(() => endCount).toBe(2);
    });
  });

  function sleepPiece(connection: Connection): Piece {
    const { writer } = connection.begin({
      session: sessionOf("a"),
      isReadOnly: false,
      timeoutMs: 60_000,
      transaction: [],
      forgetsSequences: false,
    });
    const request = writer.parse("", "select pg_sleep(60)", []).bind("", []).describePortal().execute(0).sync().take();
    return {
      request,
      until: 1,
      parsing: [],
      commands: [{ statement: 0, kind: "statement" as const }],
      describing: [],
      endsInSync: true,
    };
  }
});
