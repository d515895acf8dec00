import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createGateway } from "../../../src/gateway.ts";
import { migrate } from "../../../src/migration/migrate.ts";
import { createLog } from "../../../src/observability/log.ts";
import { parseSealingKey } from "../../../src/tenants/sealing.ts";
import { type Ended, runCli, useBuiltCli } from "../../support/cli.ts";
import { clusterConnection, createTestDatabase, type TestDatabase } from "../../support/cluster.ts";
import { type Answer, post, testConfig } from "../../support/gateway.ts";
import { OPERATOR_VIEWS_SQL } from "../migration/original-database.ts";
import { queryAs } from "../migration/support.ts";

const CURRENT = randomBytes(32).toString("base64");
const BEFORE = randomBytes(32).toString("hex");
const PASSWORD = "canary-hunter2";

let cwd: string;
let database: TestDatabase;
/** The database to which the dedicated databases' strings lead. */
let target: string;

useBuiltCli();

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "seal-"));
  database = await createTestDatabase();
  const { host, database: name } = database.connection;
  target = `postgres://postgres:${PASSWORD}@/${name}?host=${encodeURIComponent(host)}`;
  await migrate(database.connection);
});
afterAll(async () => {
  await database.close();
  rmSync(cwd, { recursive: true, force: true });
});
beforeEach(() => database.query("delete from postgate_databases where backend_type = 'dedicated'"));

function urlOf({ connection: { host, database: name } }: TestDatabase): string {
  return `postgres://postgres@/${name}?host=${encodeURIComponent(host)}`;
}

async function run(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const ended = await runCli(words, { cwd, env: { DATABASE_URL: urlOf(database), ...env } });
  expect(ended.stdout + ended.stderr).not.toMatch(new RegExp(`${PASSWORD}|sealed:v1|${CURRENT}|${BEFORE}`));
  return ended;
}

const seal = (env: Readonly<Record<string, string>>, ...words: string[]): Promise<Ended> =>
  run(["seal", ...words], env);

async function createDedicated(env: Readonly<Record<string, string>> = {}): Promise<string> {
  return (await run(["create-db", "own", "--dedicated", target], env)).stdout.trim();
}

async function storedFor(id: string): Promise<string> {
  const [row] = await database.query("select connection_string from postgate_databases where id = $1", [id]);
  return String(row?.connection_string);
}

/** Starts a gateway with these keys and sends one request. Returns the answer and the gateway's log. */
async function ask(id: string, keys: { current?: string; old?: string }): Promise<{ answer: Answer; log: string }> {
  let log = "";
  const observe = createLog({ level: "trace", destination: { write: (line: string) => (log += line) } });
  const [current, old] = [keys.current, keys.old].map((key) => parseSealingKey(key ?? ""));
  const gateway = createGateway(testConfig(database, { sealingKeys: { current, old } }), observe);
  try {
    const { url } = await gateway.listen();
    const [row] = await database.query("select token from create_tenant_token($1, $2)", [
      id,
      randomBytes(4).toString("hex"),
    ]);
    return { answer: await post(url, String(row?.token), { sql: "select 7 as seven" }), log };
  } finally {
    await gateway.close();
  }
}

const OK = { status: 200, body: { rows: [{ seven: 7 }] } };

describe("postgate seal", () => {
  it("seals plain strings once, and a gateway with the key opens them", async () => {
    const id = await createDedicated();
    expect(await storedFor(id)).toBe(target);
    expect((await ask(id, { current: CURRENT })).answer).toMatchObject(OK);

    expect(await seal({ POSTGATE_SEALING_KEY: CURRENT }, "--dry-run")).toMatchObject({
      code: 0,
      stdout: `Would seal ${id}\n`,
    });
    expect(await storedFor(id)).toBe(target);
    expect(await seal({ POSTGATE_SEALING_KEY: CURRENT })).toMatchObject({ code: 0, stdout: `Sealed ${id}\n` });
    const sealed = await storedFor(id);
    expect(sealed).toMatch(/^sealed:v1:[\w-]+$/);
    expect(await seal({ POSTGATE_SEALING_KEY: CURRENT })).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "1 of 1 were sealed already\n",
    });

    expect(await storedFor(id)).toBe(sealed);
    expect((await ask(id, { current: CURRENT })).answer).toMatchObject(OK);
  });

  it("seals strings of the old key again with the new key", async () => {
    const id = await createDedicated({ POSTGATE_SEALING_KEY: BEFORE });
    const keys = { POSTGATE_SEALING_KEY: CURRENT, POSTGATE_SEALING_KEY_OLD: BEFORE };
    expect((await ask(id, { current: CURRENT, old: BEFORE })).answer).toMatchObject(OK);

    expect(await seal(keys, "--dry-run")).toMatchObject({ code: 0, stdout: `Would seal ${id} with the new key\n` });
    expect(await seal(keys)).toMatchObject({ code: 0, stdout: `Sealed ${id} with the new key\n` });

    expect((await ask(id, { current: CURRENT })).answer).toMatchObject(OK);
    expect((await ask(id, { current: BEFORE })).answer.status).toBe(503);
  });

  it("seals all other strings, and fails when no key opens one", async () => {
    const lost = await createDedicated({ POSTGATE_SEALING_KEY: BEFORE });
    const plain = await createDedicated();

    expect(await seal({ POSTGATE_SEALING_KEY: CURRENT })).toMatchObject({
      code: 1,
      stdout: `Sealed ${plain}\n`,
      stderr: expect.stringContaining(`error: no key opens the connection string of ${lost}:`) as string,
    });
    expect(await storedFor(plain)).toMatch(/^sealed:v1:/);
  });

  it("names the setting that is missing", async () => {
    expect(await seal({})).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: POSTGATE_SEALING_KEY must be set/) as string,
    });
  });

  it("waits for a transaction that changes a string, and seals the new string", async () => {
    const id = await createDedicated();
    await database.query("begin");
    await database.query(
      "update postgate_databases set connection_string = connection_string || '&application_name=new' where id = $1",
      [id],
    );
    const sealing = seal({ POSTGATE_SEALING_KEY: CURRENT });
    await expect
      .poll(
        () =>
          queryAs(
            database.connection, // A transaction keeps the activity that it read first.
            "select 1 from pg_stat_activity where application_name = 'postgate command' and wait_event_type = 'Lock'",
          ),
        { timeout: 20_000 },
      )
      .toHaveLength(1);
    await database.query("commit");

    expect((await sealing).code).toBe(0);
    const listed = await run(["list-dbs"], { POSTGATE_SEALING_KEY: CURRENT });
    expect(listed.stdout).toContain(`database "${database.connection.database}" on`);
    expect((await ask(id, { current: CURRENT })).answer).toMatchObject(OK);
  });

  it("works when the metadata tables are an operator's views", async () => {
    const own = await createTestDatabase();
    const env = { DATABASE_URL: urlOf(own), POSTGATE_SKIP_MIGRATIONS: "on", POSTGATE_SEALING_KEY: CURRENT };
    await own.query(OPERATOR_VIEWS_SQL.replace("set title = new.name,", "set dsn = new.connection_string,"));
    await own.query("insert into app.projects (kind, dsn) values ('dedicated', $1)", [target]);

    expect(await run(["seal"], env)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Sealed /) as string });

    expect(
      await own.query("select dsn ~ '^sealed:v1:' as is_sealed from app.projects where kind = 'dedicated'"),
    ).toEqual([{ is_sealed: true }]);
    await own.close();
  });
});

describe("a sealed connection string", () => {
  it("is stored by create-db when a key is set, and list-dbs shows where it leads", async () => {
    const id = await createDedicated({ POSTGATE_SEALING_KEY: CURRENT });
    expect(await storedFor(id)).toMatch(/^sealed:v1:/);

    const { host, database: name } = clusterConnection(18, database.connection.database);
    expect((await run(["list-dbs"], { POSTGATE_SEALING_KEY: CURRENT })).stdout).toContain(
      `database "${name}" on ${host}`,
    );
    expect((await run(["list-dbs"])).stdout).toContain("sealed, and no key opens it");
  });

  it.each([
    ["without a key", {}, "POSTGATE_SEALING_KEY is not set"],
    ["with another key", { current: BEFORE }, "neither POSTGATE_SEALING_KEY nor POSTGATE_SEALING_KEY_OLD opens it"],
  ])(
    "makes only its own tenant unavailable %s, and shows the cause but no secret in the log",
    async (_, keys, cause) => {
      const sealed = await createDedicated({ POSTGATE_SEALING_KEY: CURRENT });
      const stored = await storedFor(sealed);

      const { answer, log } = await ask(sealed, keys);

      expect(answer).toMatchObject({
        status: 503,
        body: { code: "UNAVAILABLE", error: "This database's connection string is sealed and cannot be opened" },
      });
      expect(log).toContain(cause);
      expect(answer.text + log).not.toMatch(new RegExp(`${PASSWORD}|${stored.slice(10, 40)}`));
      expect((await ask(await createDedicated(), keys)).answer).toMatchObject(OK);
    },
  );

  it("cannot be opened in another row", async () => {
    const [one, two] = [await createDedicated({ POSTGATE_SEALING_KEY: CURRENT }), await createDedicated()];
    await database.query("update postgate_databases set connection_string = $2 where id = $1", [
      two,
      await storedFor(one),
    ]);

    expect((await ask(two, { current: CURRENT })).answer).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
    expect((await ask(one, { current: CURRENT })).answer).toMatchObject(OK);
  });
});
