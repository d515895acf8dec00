// The holder of an admin token writes rows of dedicated databases, to reach the shared server, the machine or its network through the
// gateway. The server to which a row leads decides whether the gateway serves it, and nothing runs on a server that is not allowed.

import { createSecretKey, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createDb } from "../../src/cli/create-db.ts";
import { deleteDb } from "../../src/cli/delete-db.ts";
import { createGuards } from "../../src/dedicated/create-guards.ts";
import { examineWalls } from "../../src/doctor/examine-walls.ts";
import { Pool } from "../../src/execution/pool/pool.ts";
import { migrate } from "../../src/migration/migrate.ts";
import { connect } from "../../src/postgres/connect.ts";
import { seal } from "../../src/tenants/sealing.ts";
import type { DatabaseId } from "../../src/tenants/tenant.ts";
import { type Proxy, startProxy } from "../integration/execution/proxy.ts";
import { clusterConnection, createTestDatabase, hasCluster, openToEverybody } from "../support/cluster.ts";
import { type Answer, startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

const KEY = createSecretKey(randomBytes(32));
const REFUSED = {
  status: 503,
  body: { code: "UNAVAILABLE", error: "The operator does not allow this database's server" },
};

/** Inserts a row and makes a token for it, as the holder of the admin token. */
async function insertRow(
  gateway: TestGateway,
  connectionString: string,
  id: string = randomUUID(),
): Promise<TestTenant> {
  await gateway.admin.rows(
    "insert into postgate_databases (id, name, backend_type, connection_string) values ($1, 'taken', 'dedicated', $2)",
    [id, connectionString],
  );
  return gateway.tenantOf(id);
}

const asSocket = (user: string, database: string, folder = clusterConnection().host): string =>
  `postgres://${user}@/${database}?host=${encodeURIComponent(folder)}`;

/** Asks until the answer has the expected status, for at most 5 s. A change of a row shows within a second. */
async function until(expected: number, ask: () => Promise<Answer>): Promise<Answer> {
  const deadline = performance.now() + 5_000;
  for (;;) {
    const answer = await ask();
    if (answer.status === expected || performance.now() > deadline) return answer;
  }
}

describe("rows of an admin token, by default", () => {
  let gateway: TestGateway;
  /** Listens on 127.0.0.1 and ::1, and counts the connections. */
  let listener: Server;
  let port = 0;
  let connections = 0;

  beforeAll(async () => {
    gateway = await startTestGateway({
      config: { dedicatedHosts: ["default"], sealingKeys: { current: KEY, old: undefined } },
    });
    listener = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    listener.listen(0, "::"); // This address accepts IPv4 as well.
    await once(listener, "listening");
    ({ port } = listener.address() as AddressInfo);
  });
  afterEach(() => gateway.database.query("delete from postgate_databases where backend_type = 'dedicated'"));
  afterAll(async () => {
    listener.close();
    await gateway.close();
  });

  it("do not reach the shared server over its socket, where they would be a superuser", async () => {
    const folder = encodeURIComponent(clusterConnection().host);
    const { database } = gateway.database.connection;
    for (const url of [
      `postgres://postgres@${folder}/${database}?options=-csearch_path%3Dpostgate_private`,
      `postgres://postgres@${folder}/${database}`,
      `postgres://postgres@/${database}?host=${folder}`,
      `postgres://postgres@db.example.com/${database}?host=${folder}`,
      `postgres://postgres@%2Fproc%2Fself%2Fcwd%2F.postgate%2Fsocket/postgres`,
      `postgres://postgres@/${database}?host=${folder}%2F`,
      `postgres://postgres@/${database}?host=${folder}%2F..%2F..`,
      `postgres://postgres@/${database}?host=10.255.255.1,${folder}&connect_timeout=1`,
      `postgres://postgres@/${database}?host=10.255.255.1%2C${folder}&connect_timeout=1&target_session_attrs=read-write`,
      `postgres://postgres@/${database}?host=%40${folder}`,
      `postgres://postgres@${folder}/${database}?sslmode=require&channel_binding=disable`,
    ]) {
      const tenant = await insertRow(gateway, url);
      for (const sql of ["select * from logins", "select 1", "select * from postgate_helpers.list_tables()"])
        expect(await tenant.query(sql), `${url} ${sql}`).toMatchObject(REFUSED);
    }
  });

  it("connect to no address of this machine, in any spelling", async () => {
    for (const host of [
      ...[
        "127.0.0.1",
        "127.0.0.2",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
      ],
      ...[
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1]",
      ],
      ...["[2002:7f00:1::]", "169.254.169.254", "10.255.255.1,127.0.0.1", "127.0.0.1,10.255.255.1"],
    ]) {
      const url = `postgres://x:y@${host
        .split(",")
        .map((each) => `${each}:${port}`)
        .join()}/z?sslmode=disable&connect_timeout=1`;
      const tenant = await insertRow(gateway, url);
      // A spelling that this system's resolver does not know gives no address, so the error may differ, but the status is the same.
      const answer = await tenant.query("select 1");
      expect(answer, url).toMatchObject({ status: 503 });
      expect(answer.text).not.toContain(host);
    }
    expect(connections).toBe(0);
  });

  it("cannot choose a server or a file by the other parameters of libpq", async () => {
    for (const parameter of [
      "hostaddr=127.0.0.1",
      "service=x",
      "passfile=/etc/passwd",
      "sslkey=/etc/passwd",
      "replication=database",
    ]) {
      const tenant = await insertRow(gateway, `postgres://x:y@db.invalid:${port}/z?${parameter}`);
      expect(await tenant.query("select 1"), parameter).toMatchObject({
        status: 500,
        body: { code: "INTERNAL_ERROR" },
      });
    }
    expect(connections).toBe(0);
  });

  it("cannot set session options that are not on the list", async () => {
    for (const options of [
      "-csearch_path%3Dpostgate_private",
      "-c%20session_preload_libraries%3Dx",
      "--log-statement%3Dnone",
    ]) {
      const tenant = await insertRow(gateway, `postgres://x:y@203.0.113.1/z?options=${options}&connect_timeout=1`);
      expect(await tenant.query("select 1"), options).toMatchObject(REFUSED);
    }
  });

  it("are refused also if their connection string is sealed", async () => {
    const id = randomUUID();
    const tenant = await insertRow(gateway, seal(asSocket("postgres", "postgres"), id, KEY), id);
    expect(await tenant.query("select 1")).toMatchObject(REFUSED);
  });

  it.each(["/dev/zero", "/proc/kcore", "/dev/tty", "/nowhere", "/"])(
    "neither block the gateway nor fill its memory with the file %s as a certificate",
    async (path) => {
      const tenant = await insertRow(
        gateway,
        `postgres://x:y@203.0.113.1/z?sslmode=verify-full&sslrootcert=${encodeURIComponent(path)}&connect_timeout=1`,
      );
      const answer = await tenant.query("select 1");
      expect(answer).toMatchObject({ status: 503 });
      expect(answer.text).not.toContain(path);
    },
  );

  it("do not gain from the permission that create-db gave to another row, login or database", async () => {
    const own = await createTestDatabase();
    onTestFinished(() => own.close());
    await openToEverybody(own);
    await own.query(`create role plain_${own.connection.database} login`);
    onTestFinished(() => gateway.database.query(`drop role plain_${own.connection.database}`).then(() => undefined));
    const url = asSocket(`plain_${own.connection.database}`, own.connection.database);
    const printed: string[] = [];
    const client = await connect(gateway.operator);
    const terminal = { print: (line: string) => printed.push(line), note: () => undefined };
    await createDb(client, terminal, { name: "own", maxRows: 10, dedicatedUrl: url, sealingKey: undefined });
    const [id = ""] = printed;
    const tenant = await gateway.tenantOf(id);
    expect(await tenant.rows("select 1 as one")).toEqual([{ one: 1 }]);

    const change = (changed: string): Promise<unknown> =>
      gateway.admin.rows("update postgate_databases set connection_string = $2 where id = $1", [id, changed]);
    // The operator allowed one login and one database of that server, with any password.
    await change(asSocket("postgres", own.connection.database));
    expect(await until(503, () => tenant.query("select 1"))).toMatchObject(REFUSED);
    await change(asSocket(`plain_${own.connection.database}`, gateway.database.connection.database));
    expect(await tenant.query("select 1")).toMatchObject(REFUSED);
    await change(url.replace("@/", ":changed@/"));
    expect((await until(200, () => tenant.query("select 1"))).status).toBe(200);
    // Another row may not name the same login and database.
    expect(await (await insertRow(gateway, url)).query("select 1")).toMatchObject(REFUSED);
    // The permission ends when the database is deleted.
    await deleteDb(client, terminal, { databaseId: id as DatabaseId, json: false });
    await client.end();
    expect(await (await insertRow(gateway, url, id)).query("select 1")).toMatchObject(REFUSED);
  });
});

describe.skipIf(!hasCluster(15))("rows of an admin token, if their network is allowed", () => {
  let gateway: TestGateway;
  let shared: Proxy;
  let other: Proxy;
  /** Everything that was sent to the shared server through the proxy. */
  let sent = "";

  beforeAll(async () => {
    gateway = await startTestGateway({ config: { dedicatedHosts: ["127.0.0.0/8"] } });
    const passesRequest = (chunk: Buffer): boolean => {
      sent += chunk.toString("latin1");
      return true;
    };
    shared = await startProxy(clusterConnection(18), { passesRequest });
    other = await startProxy(clusterConnection(15), {});
  });
  afterEach(() => gateway.database.query("delete from postgate_databases where backend_type = 'dedicated'"));
  afterAll(async () => {
    await shared.close();
    await other.close();
    await gateway.close();
  });

  it("do not reach any database of the shared server by another name, address or port", async () => {
    for (const database of [gateway.database.connection.database, "postgres", "template1"])
      for (const host of ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"]) {
        sent = "";
        const tenant = await insertRow(
          gateway,
          `postgres://postgres@${host}:${shared.connection.port}/${database}?sslmode=disable`,
        );
        // On many machines localhost is ::1 too, which is not allowed here.
        for (const sql of ["select 'canary'", "select * from postgate_helpers.list_tables()"])
          expect(await tenant.query(sql), host).toMatchObject(REFUSED);
        expect(sent).not.toMatch(/canary|set_config|list_tables|postgate_helpers/);
      }
  });

  it("do not reach the shared server as the second host of a list", async () => {
    const places = `127.0.0.1:1,127.0.0.1:${shared.connection.port}`;
    const tenant = await insertRow(gateway, `postgres://postgres@${places}/postgres?sslmode=disable`);
    expect(await tenant.query("select 1")).toMatchObject(REFUSED);
  });

  it("do not reach the shared server by a login that may read neither its identifier nor its start time", async () => {
    const own = await createTestDatabase();
    onTestFinished(() => own.close());
    await openToEverybody(own);
    await own.query("revoke execute on function pg_control_system() from public");
    const role = `plain_${own.connection.database}`;
    await own.query(`create role ${role} login`);
    onTestFinished(() => gateway.database.query(`drop role ${role}`).then(() => undefined));
    const url = `postgres://${role}@127.0.0.1:${shared.connection.port}/${own.connection.database}?sslmode=disable`;
    expect(await (await insertRow(gateway, url)).query("select 1")).toMatchObject(REFUSED);
    await own.query("revoke execute on function pg_postmaster_start_time() from public");
    expect(await (await insertRow(gateway, url)).query("select 1")).toMatchObject(REFUSED);
  });

  it("reach a server that is not the shared one", async () => {
    const tenant = await insertRow(
      gateway,
      `postgres://postgres@127.0.0.1:${other.connection.port}/postgres?sslmode=disable`,
    );
    expect(await tenant.rows("select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("are refused soon after a served row is changed to name the shared server", async () => {
    const id = randomUUID();
    const tenant = await insertRow(
      gateway,
      `postgres://postgres@127.0.0.1:${other.connection.port}/postgres?sslmode=disable`,
      id,
    );
    expect((await tenant.query("select 1")).status).toBe(200);
    for (const url of [
      asSocket("postgres", "postgres"),
      `postgres://postgres@127.0.0.1:${shared.connection.port}/postgres?sslmode=disable`,
    ]) {
      await gateway.admin.rows("update postgate_databases set connection_string = $2 where id = $1", [id, url]);
      expect(await until(503, () => tenant.query("select 1"))).toMatchObject(REFUSED);
    }
  });

  it("reach the shared server if the operator allows exactly its address and port", async () => {
    const named = await startTestGateway({ config: { dedicatedHosts: [`127.0.0.1:${shared.connection.port}`] } });
    onTestFinished(() => named.close());
    const url = `postgres://postgres@127.0.0.1:${shared.connection.port}/postgres?sslmode=disable`;
    expect(await (await insertRow(named, url)).rows("select 1 as one")).toEqual([{ one: 1 }]);
  });
});

describe("the host of a dedicated database", () => {
  it("gets connections and cancel requests at the address that was checked, whatever its name means later", async () => {
    let cancels = 0;
    const passesRequest = (chunk: Buffer): boolean => {
      if (chunk.length === 16 && chunk.readUInt32BE(4) === 80_877_102) cancels += 1;
      return true;
    };
    const proxy = await startProxy(clusterConnection(), { passesRequest });
    onTestFinished(() => proxy.close());
    const admitted = { ...proxy.connection, host: "rebound.invalid", addresses: ["127.0.0.1"] };
    const guard = { admit: () => Promise.resolve({ settings: admitted, confirm: () => Promise.resolve() }) };
    const pool = new Pool({ connection: { ...proxy.connection, host: "rebound.invalid" }, guard, maxConnections: 1 });
    onTestFinished(() => pool.close(1_000));
    const common = { tenant: "t", key: "t", role: undefined, searchPath: undefined };
    const session = { ...common, readOnly: false, hidesValues: false };
    const connection = await pool.acquire(session, new AbortController().signal);
    await connection.cancel();
    expect(cancels).toBe(1);
    pool.release(connection);
  });
});

describe("rows of dedicated databases that are refused", () => {
  it("are listed at the start and by doctor, with the setting that would allow them", async () => {
    const gateway = await startTestGateway({
      config: { dedicatedHosts: ["default"] },
      prepare: async (prepared) => {
        await migrate(prepared.connection);
        await prepared.query(`insert into postgate_databases (name, backend_type, connection_string) values
          ('a', 'dedicated', 'postgres://canary:hunter2@localhost:1/z'), ('b', 'dedicated', 'postgres://x:y@%2Frun%2Fnowhere/z'),
          ('c', 'dedicated', 'postgres://x:y@203.0.113.1/z'), ('d', 'dedicated', 'postgres://x:y@203.0.113.1/z?options=-O')`);
      },
    });
    onTestFinished(() => gateway.close());
    const ids = await gateway.database.query(
      "select name, id from postgate_databases where backend_type = 'dedicated'",
    );
    const idOf = (name: string): string => String(ids.find((row) => row.name === name).id);
    const find = (): string | undefined =>
      gateway.observations.flatMap((each) =>
        each.kind === "warning" && each.message.includes("dedicated databases") ? [each.message] : [],
      )[0];
    const deadline = performance.now() + 10_000;
    while (find() === undefined && performance.now() < deadline)
      await gateway.admin.query("select count(*) from postgate_databases");
    const message = find() ?? "";
    for (const name of ["a", "b", "d"]) expect(message).toContain(idOf(name));
    expect(message).not.toContain(idOf("c"));
    expect(message).toMatch(
      /set POSTGATE_DEDICATED_HOSTS=default,(localhost,\/run\/nowhere|\/run\/nowhere,localhost)$/,
    );
    expect(message).not.toMatch(/canary|hunter2/);

    await gateway.database.query("delete from postgate_databases where name = 'c'");
    const reports = await examineWalls({
      operator: gateway.operator,
      queryTimeoutMs: 30_000,
      installation: await migrate(gateway.operator),
      keys: { current: undefined, old: undefined },
      guards: createGuards(gateway.operator, ["default"]),
    });
    expect(reports.find(({ wall }) => wall === `dedicated database ${idOf("a")}`)).toMatchObject({
      state: "weaker",
      why: expect.stringContaining('does not allow "localhost"') as string,
      raise: "set POSTGATE_DEDICATED_HOSTS=default,localhost, if the row is yours",
    });
    expect(reports.find(({ wall }) => wall === `dedicated database ${idOf("d")}`)).toMatchObject({
      why: expect.stringContaining('may not set "-O"') as string,
    });
  });
});
