import { cp, lstat, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startEmbedded } from "../../../src/embedded/start-embedded.ts";
import { isLinux, isRoot, makeFolder, NOBODY, packageFolder, query, start } from "./data-dirs.ts";
import { compileEmbeddedProcess, forkEmbedded } from "./fork-embedded.ts";

compileEmbeddedProcess();

describe("the embedded PostgreSQL with other users and unreachable folders", { timeout: 90_000 }, () => {
  it.skipIf(!isRoot)("runs as the user of the process when that user is not root", async () => {
    const dataDir = join(await makeFolder(0o777), ".postgate");
    const server = forkEmbedded("server", { dataDir, packageFolder, ids: NOBODY });
    await server.receive("ready");

    expect((await stat(join(dataDir, "data"))).uid).toBe(NOBODY.uid);
    expect(await server.query("select 1")).toEqual([[1]]);
    await server.stop();
  });

  it.skipIf(!isRoot || !isLinux)("works below a folder that only root may enter, such as root's home", async () => {
    const dataDir = join(await makeFolder(0o700), "project", ".postgate");
    const first = await start(dataDir);
    await query(first, "create table notes as select 'kept' as body");
    const command = forkEmbedded("command", { dataDir, packageFolder });
    await command.receive("ready");
    expect(await command.query("select body from notes")).toEqual([["kept"]]);
    await command.stop();
    await first.stop();

    expect(await query(await start(dataDir), "select body from notes")).toEqual([["kept"]]);
    expect((await lstat(join(dataDir, "socket"))).isSymbolicLink()).toBe(true);
  });

  it.skipIf(!isRoot)("runs a copy of the programs when the server's user cannot reach the package", async () => {
    const [parent, hidden] = [await makeFolder(), await makeFolder(0o700)];
    const hiddenPackage = join(hidden, "package");
    await cp(packageFolder, hiddenPackage, { recursive: true, verbatimSymlinks: true });
    const dataDir = join(parent, ".postgate");
    const embedded = await startEmbedded({ dataDir, packageFolder: hiddenPackage });
    onTestFinished(() => embedded.stop());

    expect(await query(embedded, "select 1")).toEqual([[1]]);
    expect((await readdir(dataDir)).filter((name) => name.startsWith("postgresql-"))).toHaveLength(1);
  });

  it.skipIf(!isRoot)(
    "runs a copy with the library links when they are missing and cannot be made in the package",
    async () => {
      const parent = await makeFolder(0o777);
      const readOnly = join(await makeFolder(), "package");
      await cp(packageFolder, readOnly, { recursive: true, verbatimSymlinks: true });
      const lib = join(readOnly, "native", "lib");
      const names = await readdir(lib);
      for (const name of names) if ((await lstat(join(lib, name))).isSymbolicLink()) await rm(join(lib, name));
      const dataDir = join(parent, ".postgate");
      const server = forkEmbedded("server", { dataDir, packageFolder: readOnly, ids: NOBODY });

      await server.receive("ready");
      expect(await server.query("select 1")).toEqual([[1]]);
      await server.stop();
    },
  );
});
