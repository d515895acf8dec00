import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/cluster.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n$/;
const TOKEN = /^pg_[0-9a-f]{64}\n$/;
const NOWHERE = "00000000-0000-4000-8000-000000000000";
const ADMIN = "00000000-0000-0000-0000-000000000000";

let folder: string;
let database: TestDatabase;
let environment: Record<string, string>;

beforeAll(async () => {
  expect(spawnSync(process.execPath, ["scripts/build.mjs", "--if-stale"], { cwd: root }).status).toBe(0);
  folder = mkdtempSync(join(tmpdir(), "cli-"));
  database = await createTestDatabase();
  const { host, port, database: name } = database.connection;
  environment = { DATABASE_URL: `postgres://postgres@/${name}?host=${host}&port=${port}` };
});
afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(words: readonly string[], changes: Record<string, string> = {}): ChildProcess {
  const { PATH = "", HOME = "" } = process.env;
  return spawn(process.execPath, [join(root, "dist/cli/main.js"), ...words], {
    cwd: folder,
    env: { PATH, HOME, ...environment, ...changes },
  });
}

async function run(...words: string[]): Promise<Ended> {
  return ended(start(words));
}

async function ended(child: ChildProcess): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

async function createDatabase(...options: string[]): Promise<string> {
  return (await run("create-db", "My App", ...options)).stdout.trim();
}

describe("postgate", () => {
  it("migrates an empty database, once", async () => {
    expect(await run("migrate")).toMatchObject({ code: 0, stdout: matching(/^Applied 0001_/) });
    expect(await run("migrate")).toEqual({ code: 0, stdout: "The database is up to date\n", stderr: "" });
  });

  it("creates a database: its id on stdout, its schema on stderr", async () => {
    const created = await run("create-db", "My App", "-m", "5");

    expect(created).toEqual({
      code: 0,
      stdout: matching(UUID),
      stderr: matching(/^Schema: tenant_[0-9a-f]{32}_my_app\n$/),
    });
    const rows = await database.query("select max_rows from postgate_databases where id = $1", [created.stdout.trim()]);
    expect(rows).toEqual([{ max_rows: 5 }]);
  });

  it("creates a dedicated one without a schema, and lists it without its password", async () => {
    const url = "postgres://app:hunter2@db.internal/shop";
    const created = await run("create-db", "mine", "--dedicated", url);

    expect(created).toEqual({ code: 0, stdout: matching(UUID), stderr: "" });
    const id = created.stdout.trim();
    const rows = await database.query("select backend_type, connection_string from postgate_databases where id = $1", [
      id,
    ]);
    expect(rows).toEqual([{ backend_type: "dedicated", connection_string: url }]);
    const { stdout } = await run("list-dbs", "--json");
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ id, connection: 'database "shop" on db.internal:5432 as "app"' }) as unknown,
    );
    expect(stdout).not.toContain("hunter2");
  });

  it("makes a token that takes the place of the one of its name", async () => {
    const id = await createDatabase();
    const tokens = () =>
      database.query(
        `select name, token_hash, token_prefix, allowed_operations from postgate_tokens where database_id = $1`,
        [id],
      );
    expect(await run("gen-token", id)).toEqual({ code: 0, stdout: matching(TOKEN), stderr: "" });
    expect((await tokens())[0]).toMatchObject({
      name: "default",
      allowed_operations: ["SELECT", "INSERT", "UPDATE", "DELETE"],
    });

    const second = await run("gen-token", id, "default", "-p", " select, DROP ");

    const sha256 = await database.query("select encode(sha256($1), 'hex') as hash", [
      Buffer.from(second.stdout.trim()),
    ]);
    expect(await tokens()).toEqual([
      {
        name: "default",
        token_hash: (sha256[0] as { hash: string }).hash,
        token_prefix: second.stdout.slice(0, 8),
        allowed_operations: ["SELECT", "DROP"],
      },
    ]);
  });

  it("replaces a token of the same name when two are made at once", async () => {
    const id = await createDatabase();

    const all = await Promise.all([1, 2, 3].map(() => run("gen-token", id, "ci")));

    expect(all.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(await database.query("select 1 from postgate_tokens where database_id = $1", [id])).toHaveLength(1);
  });

  it("lists and deletes tokens and databases", async () => {
    const id = await createDatabase();
    await run("gen-token", id, "ci");
    const listed = JSON.parse((await run("list-tokens", id, "--json")).stdout) as { id: string; name: string }[];
    expect(listed).toMatchObject([{ name: "ci", last_used_at: null }]);
    expect((await run("list-tokens", id)).stdout).toMatch(/^id +name +token_prefix .*\n.* ci +pg_/);
    const tokenId = listed[0]?.id ?? "";

    expect(await run("delete-token", tokenId)).toEqual({ code: 0, stdout: `Deleted token ${tokenId}\n`, stderr: "" });
    expect((await run("list-tokens", id, "--json")).stdout).toBe("[]\n");
    expect(JSON.parse((await run("delete-db", id, "--json")).stdout)).toEqual({ id, deleted: true });
    expect((await run("list-dbs")).stdout).not.toContain(id);
  });

  it.each([
    { words: ["gen-token", NOWHERE], says: `there is no database ${NOWHERE}` },
    { words: ["list-tokens", NOWHERE], says: `there is no database ${NOWHERE}` },
    { words: ["delete-db", NOWHERE], says: `there is no database ${NOWHERE}` },
    { words: ["delete-token", NOWHERE], says: `there is no token ${NOWHERE}` },
    { words: ["delete-db", ADMIN], says: "admin database" },
  ])("fails with one line and exit code 1: $words", async ({ words, says }) => {
    const { code, stdout, stderr } = await run(...words);

    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toContain(says);
  });

  it.each([
    { words: ["bogus"], says: "unknown command 'bogus'" },
    { words: ["--bogus"], says: "unknown option '--bogus'" },
    { words: ["list-dbs", "--jsn"], says: "Did you mean --json?" },
    { words: ["serve", "extra"], says: "too many arguments" },
    { words: ["create-db"], says: "missing required argument 'NAME'" },
    { words: ["create-db", ""], says: "NAME must not be empty" },
    { words: ["create-db", "x".repeat(101)], says: "at most 100 characters" },
    { words: ["create-db", "x", "-m", "many"], says: "--max-rows must be a whole number" },
    { words: ["create-db", "x", "-d", "postgres://a:hunter2@b:c"], says: "--dedicated is not a usable" },
    { words: ["gen-token", "42"], says: "DATABASE_ID must be a UUID" },
    { words: ["gen-token", ADMIN, "x", "-p", "SELECT,GRANT"], says: '--permissions has "GRANT"' },
    { words: ["delete-token", "42"], says: "TOKEN_ID must be a UUID" },
  ])("refuses bad usage with one line and exit code 2: $words", async ({ words, says }) => {
    const { code, stdout, stderr } = await run(...words);

    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toContain(says);
    expect(stderr).not.toContain("hunter2");
  });

  it.each(["serve", "list-dbs"])("names all bad settings on one line when it is to %s", async (command) => {
    const { code, stderr } = await ended(start([command], { POSTGATE_PORT: "x", POSTGATE_POOL_SIZE: "y" }));

    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: bad configuration: POSTGATE_PORT[^\n]*POSTGATE_POOL_SIZE[^\n]*\n$/);
  });

  it.each(["serve", "migrate"])("says where it cannot connect when it is to %s", async (command) => {
    const unreachable = { DATABASE_URL: "postgres://app:hunter2@127.0.0.1:1/shop" };
    const { code, stderr } = await ended(start([command], unreachable));

    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: cannot connect to database "shop" on 127.0.0.1:1 [^\n]+\n$/);
    expect(stderr).not.toContain("hunter2");
  });

  it("prints help and the version on stdout", async () => {
    expect(await run("--help")).toMatchObject({
      code: 0,
      stdout: matching(/^Usage: postgate/),
      stderr: "",
    });
    expect(await run("gen-token", "-h")).toMatchObject({ code: 0, stdout: matching(/--permissions/) });
    expect(await run("-V")).toEqual({ code: 0, stdout: "1.0.0\n", stderr: "" });
  });

  it("does not mind a reader that has gone", async () => {
    const child = start(["list-dbs"]);
    child.stdout?.destroy();

    expect(await ended(child)).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("postgate serve", () => {
  const listening = async (child: ChildProcess): Promise<string> => {
    let log = "";
    for await (const chunk of child.stderr ?? []) {
      log += String(chunk);
      const url = /"url":"(http[^"]+)"/.exec(log)?.[1];
      if (url !== undefined) return url;
    }
    throw new Error(`no gateway: ${log}`);
  };

  it.each(["SIGINT", "SIGTERM"] as const)("without a command serves until %s, and exits with 0", async (signal) => {
    const child = start([], { POSTGATE_PORT: "0" });
    const url = await listening(child);
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "ok" });

    child.kill(signal);

    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("stops in order when it is asked to while it starts", async () => {
    const child = start([], { POSTGATE_PORT: "0" });
    await once(child, "spawn");
    const stdout = ended(child);
    child.stderr?.once("data", () => child.kill("SIGINT"));

    expect(await stdout).toMatchObject({ code: 0, stdout: "" });
  });

  it("on a new embedded database shows once an admin token that works, and shares the database with commands", async () => {
    environment = { POSTGATE_PORT: "0", POSTGATE_DATA_DIR: join(folder, "embedded") };
    const first = start([]);
    const output = ended(first);
    const greeting = await new Promise<string>((resolve) => {
      let text = "";
      first.stdout?.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes("gen-token")) resolve(text);
      });
    });
    const [, url = ""] = /ready at (\S+)/.exec(greeting) ?? [];
    const [token = ""] = /pg_[0-9a-f]{64}/.exec(greeting) ?? [];
    const request = greeting.split("\n").find((line) => line.trim().startsWith("curl")) ?? "";
    expect(request).toContain(`${url}/query`);
    const answer = await fetch(`${url}/query`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: /-d '(.*)'/.exec(request)?.[1] ?? "",
    });
    expect(await answer.json()).toMatchObject({ rows: [{ id: matching(/./) }], row_count: 1 });
    expect((await run("list-dbs")).stdout).toContain("my-app");

    first.kill("SIGINT");
    expect(await output).toMatchObject({ code: 0 });
    expect((await run("list-dbs")).stdout).toContain("my-app");

    const second = start([]);
    await listening(second);
    const again = ended(second);
    second.kill("SIGINT");
    expect(await again).toMatchObject({ code: 0, stdout: "" });
  });
});
