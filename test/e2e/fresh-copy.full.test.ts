// Runs the commands of a newcomer in a fresh clone. Packages come from npm's cache where it has them.

import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { projectRoot, startCli } from "../support/cli.ts";
import { post } from "../support/gateway.ts";

const OFFLINE = /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ENETUNREACH|ENOTCACHED/;
const TIMEOUT_MS = 600_000;

let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "postgate-fresh-"));
  await chmod(project, 0o755);
  const isSource = (path: string): boolean => !/^(node_modules|dist|\.git|\.env$|\.postgate)/.test(basename(path));
  for (const name of (await readdir(projectRoot)).filter(isSource))
    await cp(join(projectRoot, name), join(project, name), { recursive: true });
});
afterAll(() => rm(project, { recursive: true, force: true }));

function run(program: string, ...words: string[]): SpawnSyncReturns<string> {
  const { PATH = "", HOME = "" } = process.env;
  return spawnSync(program, words, { cwd: project, env: { PATH, HOME }, encoding: "utf8" });
}

/** Skips the test with a reason when there is neither a network nor a cache. */
function install(context: TestContext, ...flags: string[]): void {
  const { status, stdout, stderr } = run("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", ...flags);
  if (status !== 0 && OFFLINE.test(stderr)) context.skip("the packages cannot be fetched: offline");
  expect([status, stdout + stderr]).toEqual([0, expect.anything()]);
}

describe("a fresh clone", { timeout: TIMEOUT_MS }, () => {
  it("builds by itself on npm start and npm test after an install that ran no scripts", async (context) => {
    install(context, "--ignore-scripts");
    expect(existsSync(join(project, "dist"))).toBe(false);
    const since = performance.now();
    const npm = startCli([], { cwd: project, env: { POSTGATE_PORT: "0" }, program: ["npm", "start"] });
    await npm.until("stdout", /gen-token/);
    const [, url = ""] = await npm.until("stdout", /ready at (\S+)/);
    const [token] = await npm.until("stdout", /pg_[0-9a-f]{64}/);
    expect((await post(url, token, { sql: "select 1 as one" })).status).toBe(200);
    console.info(
      `npm start in a fresh clone, build included, answered after ${Math.round(performance.now() - since)} ms`,
    );
    npm.interrupt();
    await npm.ended;

    await rm(join(project, "dist"), { recursive: true });
    const tested = run("npm", "test", "--", "test/unit/auth/token.test.ts");
    expect([tested.status, tested.stdout + tested.stderr]).toEqual([0, expect.stringMatching(/1 passed/)]);
    expect(existsSync(join(project, "dist/cli/main.js"))).toBe(true);
  });

  it("builds with a fetched compiler on npm ci --omit=dev, and npx starts no further build", async (context) => {
    await rm(join(project, "dist"), { recursive: true, force: true });
    install(context, "--omit=dev");
    expect(existsSync(join(project, "node_modules/typescript"))).toBe(false);
    const { status, stdout, stderr } = run("npx", "--no-install", "postgate", "--version");
    expect([status, stdout + stderr]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
  });
});
