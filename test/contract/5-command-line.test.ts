// Section 5 of the public contract: the command line. The tests run the built program.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { useBuiltCli, type CliProcess, type Ended, projectRoot, runCli, startCli } from "../support/cli.ts";
import { createTestDatabase, type TestDatabase } from "../support/cluster.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n$/;
const TOKEN = /^pg_[0-9a-f]{64}\n$/;
const NOWHERE = "00000000-0000-4000-8000-000000000000";
const ADMIN = "00000000-0000-0000-0000-000000000000";
const COMMANDS = ["serve", "migrate", "create-db", "gen-token", "list-dbs", "list-tokens", "delete-db", "delete-token"];

let cwd: string;
let database: TestDatabase;
let environment: Record<string, string>;

useBuiltCli();

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "cli-"));
  database = await createTestDatabase();
  environment = { DATABASE_URL: urlOf(database) };
});
afterAll(async () => {
  await database.close();
  rmSync(cwd, { recursive: true, force: true });
});

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

function urlOf({ connection }: TestDatabase): string {
  return `postgres://postgres@/${connection.database}?host=${connection.host}&port=${connection.port}`;
}

function start(words: readonly string[], changes: Record<string, string> = {}): CliProcess {
  return startCli(words, { cwd, env: { ...environment, ...changes } });
}

async function run(...words: string[]): Promise<Pick<Ended, "code" | "stdout" | "stderr">> {
  const { code, stdout, stderr } = await start(words).ended;
  return { code, stdout, stderr };
}

async function createDatabase(...options: string[]): Promise<string> {
  return (await run("create-db", "My App", ...options)).stdout.trim();
}

describe("postgate <command>", () => {
  it("migrate applies migrations and exits", async () => {
    expect(await run("migrate")).toMatchObject({ code: 0, stdout: matching(/^Applied 0001_/) });
    expect(await run("migrate")).toEqual({ code: 0, stdout: "The database is up to date\n", stderr: "" });
  });

  it("applies pending migrations before any command", async () => {
    const empty = await createTestDatabase();
    onTestFinished(() => empty.close());
    const { code, stderr } = await start(["create-db", "x"], { DATABASE_URL: urlOf(empty) }).ended;

    expect({ code, stderr }).toEqual({ code: 0, stderr: matching(/^Schema: tenant_[0-9a-f]{32}_x\n$/) });
    const ledger = await empty.query("select version from postgate_private.migrations");
    expect(ledger).not.toEqual([]);
  });

  it("create-db prints only the id on stdout, and the schema on stderr", async () => {
    const created = await run("create-db", "My App", "-m", "5");

    expect(created).toEqual({
      code: 0,
      stdout: matching(UUID),
      stderr: matching(/^Schema: tenant_[0-9a-f]{32}_my_app\n$/),
    });
    const rows = await database.query("select max_rows from postgate_databases where id = $1", [created.stdout.trim()]);
    expect(rows).toEqual([{ max_rows: 5 }]);
  });

  it("create-db --dedicated prints no schema, and list-dbs shows no password", async () => {
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

  it("gen-token prints only the token on stdout, has defaults, and replaces a token of the same name", async () => {
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

  it("gen-token replaces a token in one transaction, even when several run at once", async () => {
    const id = await createDatabase();

    const all = await Promise.all([1, 2, 3].map(() => run("gen-token", id, "ci")));

    expect(all.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(await database.query("select 1 from postgate_tokens where database_id = $1", [id])).toHaveLength(1);
  });

  it("list-dbs, list-tokens, delete-db and delete-token list and delete, and print JSON with --json", async () => {
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
  ])("fails with one line and exit code 1 for a missing or protected id: $words", async ({ words, says }) => {
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

  it.each(["serve", "list-dbs"])("names all bad settings on one line in the command %s", async (command) => {
    const { code, stderr } = await start([command], { POSTGATE_PORT: "x", POSTGATE_POOL_SIZE: "y" }).ended;

    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: bad configuration: POSTGATE_PORT[^\n]*POSTGATE_POOL_SIZE[^\n]*\n$/);
  });

  it.each(["serve", "migrate"])("names the server that it cannot reach in the command %s", async (command) => {
    const unreachable = { DATABASE_URL: "postgres://app:hunter2@127.0.0.1:1/shop" };
    const { code, stderr } = await start([command], unreachable).ended;

    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: cannot connect to database "shop" on 127.0.0.1:1 [^\n]+\n$/);
    expect(stderr).not.toContain("hunter2");
  });

  it("prints help that names every command with -h and --help", async () => {
    const help = await run("--help");

    expect(help).toEqual({ code: 0, stdout: matching(/^Usage: postgate/), stderr: "" });
    for (const command of COMMANDS) expect(help.stdout).toContain(`  ${command} `);
    expect(await run("-h")).toEqual(help);
  });

  it.each(COMMANDS)("prints the help of %s with -h and --help", async (command) => {
    const help = await run(command, "--help");

    expect(help).toEqual({ code: 0, stdout: matching(new RegExp(`^Usage: postgate ${command}`)), stderr: "" });
    expect(await run(command, "-h")).toEqual(help);
  });

  it.each(["-V", "--version"])("prints its version with %s", async (flag) => {
    expect(await run(flag)).toEqual({ code: 0, stdout: "1.0.0\n", stderr: "" });
  });

  it.each([
    { how: "npx postgate", program: ["npx", "postgate"], stdout: UUID },
    // npm prints the script that it runs on stdout, before the script's own output.
    { how: "npm start --", program: ["npm", "start", "--"], stdout: /\n[0-9a-f-]{36}\n$/ },
  ])("also runs by $how in the project", async ({ program, stdout }) => {
    expect(await runCli(["create-db", "by-npm"], { cwd: projectRoot, env: environment, program })).toMatchObject({
      code: 0,
      stdout: matching(stdout),
      stderr: matching(/^Schema: tenant_[0-9a-f]{32}_by_npm$/m),
    });
  });

  it("succeeds even if the reader of its output has gone", async () => {
    const reader = start(["list-dbs"]);
    reader.child.stdout?.destroy();

    expect(await reader.ended).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("postgate serve", () => {
  it.each([
    { words: [], signal: "SIGINT" },
    { words: ["serve"], signal: "SIGTERM" },
  ] as const)("starts the server with the arguments $words, and exits with 0 on $signal", async ({ words, signal }) => {
    const server = start(words, { POSTGATE_PORT: "0" });
    const [, url = ""] = await server.until("stderr", /"url":"(http[^"]+)"/);
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "ok" });

    server.child.kill(signal);

    const { code, stdout, stderr } = await server.ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain(`"reason":"stopped by ${signal}","msg":"stopping"`);
  });

  it("accepts --skip-migrations in place of POSTGATE_SKIP_MIGRATIONS", async () => {
    const empty = await createTestDatabase();
    const { code, stderr } = await start(["--skip-migrations"], { DATABASE_URL: urlOf(empty) }).ended;
    await empty.close();

    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: matching(/^error: there is no public.postgate_databases[^\n]*\n$/),
    });
  });
});
