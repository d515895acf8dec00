// Tests the first hour with Postgate: an empty folder, the embedded PostgreSQL, the commands, Ctrl-C, and another start.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { useBuiltCli, type CliProcess, projectRoot, runCli, startCli } from "../support/cli.ts";
import { makeFolder, readServerPid } from "../integration/embedded/data-dirs.ts";
import { post } from "../support/gateway.ts";

/** The promise is one second. The test prints the figure, and fails at five times as long. */
const STOP_DEADLINE_MS = 5_000;
const TOKEN = /pg_[0-9a-f]{64}/;
const ANY_PORT = { POSTGATE_PORT: "0" };

useBuiltCli();

interface Greeting {
  readonly url: string;
  readonly token: string;
  readonly request: string;
}

async function greetingOf(server: CliProcess): Promise<Greeting> {
  await server.until("stdout", /gen-token/); // This is the last line of the greeting.
  const [, url = ""] = await server.until("stdout", /ready at (\S+)/);
  const [token] = await server.until("stdout", TOKEN);
  const [request] = await server.until("stdout", /^ *curl .*$/m);
  return { url, token, request };
}

async function urlOf(server: CliProcess): Promise<string> {
  const [, url = ""] = await server.until("stderr", /"url":"(http[^"]+)"/);
  return url;
}

/** Sends Ctrl-C as a terminal does, to every process of the group. npm's shell ends by the signal, and npm reports that. */
async function interrupt(server: CliProcess, what: string, endsWith: 0 | "SIGINT" = 0): Promise<void> {
  const since = performance.now();
  server.interrupt();
  const { code, signal, stderr } = await server.ended;
  const elapsed = performance.now() - since;
  console.info(`${what}: Ctrl-C stopped it in ${Math.round(elapsed)} ms`);
  expect([code ?? signal, stderr]).toEqual([endsWith, stderr]);
  expect(elapsed).toBeLessThan(STOP_DEADLINE_MS);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("the first start on an empty folder", { timeout: 120_000 }, () => {
  it("prints once the address, an admin token and a request that works as it is copied", async () => {
    const cwd = await makeFolder();
    const first = startCli(["serve"], { cwd, env: ANY_PORT });
    const { url, token, request } = await greetingOf(first);
    const copied = spawnSync("bash", ["-c", request], { encoding: "utf8" });
    expect(JSON.parse(copied.stdout)).toMatchObject({
      rows: [{ schema_name: expect.stringMatching(/^tenant_[0-9a-f]{32}_my_app$/) as string }],
      row_count: 1,
    });
    expect(request).toContain(`${url}/query`);
    const serverPid = await readServerPid(`${cwd}/.postgate`);
    await interrupt(first, "serve");
    expect(isAlive(serverPid)).toBe(false);
    expect((await first.ended).stdout.match(new RegExp(TOKEN, "g"))).toEqual([token, token]); // The token stands alone and in the request.

    const second = startCli(["serve"], { cwd, env: ANY_PORT });
    const again = await post(await urlOf(second), token, {
      sql: "select name from postgate_databases order by created_at desc limit 1",
    });
    expect(again.body).toEqual({ rows: [{ name: "my-app" }], row_count: 1 });
    await interrupt(second, "serve, again");
    expect(await second.ended).toMatchObject({ stdout: "" });
    expect((await second.ended).stderr).not.toMatch(TOKEN);
  });

  it("does the same with npm start, which Ctrl-C ends together with PostgreSQL", async () => {
    const dataDir = `${await makeFolder()}/.postgate`;
    const since = performance.now();
    const npm = startCli([], {
      cwd: projectRoot,
      env: { ...ANY_PORT, POSTGATE_DATA_DIR: dataDir },
      program: ["npm", "start"],
    });
    const { url, token } = await greetingOf(npm);
    expect((await post(url, token, { sql: "select 1 as one" })).status).toBe(200);
    console.info(`npm start on a new folder answered after ${Math.round(performance.now() - since)} ms`);
    const serverPid = await readServerPid(dataDir);

    await interrupt(npm, "npm start", "SIGINT");

    expect(isAlive(serverPid)).toBe(false);
  });
});

describe("the commands on the embedded database", { timeout: 120_000 }, () => {
  it("make databases and tokens that work, whether the server runs or not", async () => {
    const options = { cwd: await makeFolder(), env: ANY_PORT };
    const make = async (...words: string[]): Promise<string> => {
      const { code, stdout, stderr } = await runCli(words, options);
      expect([code, stderr]).toEqual([0, words[0] === "create-db" ? expect.stringMatching(/^Schema: /) : ""]);
      return stdout.trim();
    };
    const first = startCli([], options);
    await greetingOf(first);
    await interrupt(first, "serve, which makes the database");
    const before = await make("create-db", "before");
    const tokenBefore = await make("gen-token", before);
    const server = startCli([], options);
    const url = await urlOf(server);
    expect((await post(url, tokenBefore, { sql: "select 'old' as token" })).body).toMatchObject({ row_count: 1 });
    const during = await make("create-db", "during");
    const tokenDuring = await make("gen-token", during);
    expect((await post(url, tokenDuring, { sql: "select 'new' as token" })).body).toMatchObject({ row_count: 1 });
    await interrupt(server, "serve, with commands beside it");

    expect(JSON.parse(await make("list-dbs", "--json"))).toMatchObject([
      { name: "postgate_admin" },
      { name: "before" },
      { name: "during" },
    ]);
  });
});

describe("a command in a folder without a database", { timeout: 120_000 }, () => {
  it.each([[["create-db", "app"]], [["list-dbs"]], [["migrate"]], [["doctor"]]])(
    "reports the folder where it looked, and makes no database: %j",
    async (words) => {
      const cwd = await makeFolder();
      const { code, stdout, stderr } = await runCli(words, { cwd, env: {} });

      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(/^error: there is no database in \/[^\n]*\/\.postgate; [^\n]*"postgate serve"\n$/);
      expect(readdirSync(cwd)).toEqual([]);
    },
  );
});

describe("a second start on the same folder", { timeout: 120_000 }, () => {
  it("ends with one line and exit code 1, and does not disturb the first", async () => {
    const options = { cwd: await makeFolder(), env: ANY_PORT };
    const first = startCli([], options);
    const { url, token } = await greetingOf(first);

    const second = await runCli([], options);

    expect(second).toMatchObject({ code: 1, stdout: "" });
    expect(second.stderr).toMatch(/^error: Postgate already runs on [^\n]*\n$/);
    expect((await post(url, token, { sql: "select 1 as one" })).status).toBe(200);
  });
});

describe("the gateway with an embedded database after kill -9", { timeout: 120_000 }, () => {
  it("starts again at once on the same data when Node was killed", async () => {
    const options = { cwd: await makeFolder(), env: ANY_PORT };
    const killed = startCli([], options);
    const { url, token } = await greetingOf(killed);
    const [made] = (await post(url, token, { sql: "select id from create_tenant_database('kept')" })).body.rows;
    process.kill(killed.pid, "SIGKILL");
    await killed.ended;

    const next = startCli([], options);

    const answer = await post(await urlOf(next), token, {
      sql: "select name from postgate_databases where id = $1",
      params: [made.id],
    });
    expect(answer.body).toMatchObject({ rows: [{ name: "kept" }] });
    await interrupt(next, "serve after kill -9");
  });

  it("ends with one line and exit code 1 when PostgreSQL was killed, and the next start has the data", async () => {
    const options = { cwd: await makeFolder(), env: { ...ANY_PORT, POSTGATE_LOG_LEVEL: "error" } };
    const server = startCli([], options);
    const { token } = await greetingOf(server);
    process.kill(await readServerPid(`${options.cwd}/.postgate`), "SIGKILL");

    const { code, stderr } = await server.ended;

    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: the embedded PostgreSQL of \S+ has ended by itself \(SIGKILL\): start Postgate again[^\n]*\n$/,
    );
    const next = startCli([], { ...options, env: ANY_PORT });
    expect((await post(await urlOf(next), token, { sql: "select 1 as one" })).status).toBe(200);
  });
});
