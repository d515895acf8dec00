import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openEmbedded, startEmbedded } from "../../../src/embedded/start-embedded.ts";
import { copyDataDir, makeFolder, packageFolder, prepareDataDir, query, start } from "./data-dirs.ts";
import { compileEmbeddedProcess, forkEmbedded } from "./fork-embedded.ts";

prepareDataDir();
compileEmbeddedProcess();

describe("several processes on one data folder", () => {
  it("refuse a second server, naming the folder and the pid", async () => {
    const dataDir = await copyDataDir();
    await start(dataDir);

    await expect(startEmbedded({ dataDir })).rejects.toThrow(
      `Postgate already runs on ${dataDir} (pid ${process.pid}): stop it, or set POSTGATE_DATA_DIR to another folder`,
    );
  });

  it("let a command use the running server, which keeps running after the command", async () => {
    const dataDir = await copyDataDir();
    const server = await start(dataDir);
    const command = forkEmbedded("command", { dataDir, packageFolder });

    expect(await command.receive("ready")).toMatchObject({ owned: false });
    await command.query("create table notes as select 'by the command' as body");
    await command.stop();
    expect(await query(server, "select body from notes")).toEqual([["by the command"]]);
  });

  it("run commands without a running server one after the other, and leave no server behind", async () => {
    const dataDir = join(await makeFolder(), ".postgate");
    const commands = [1, 2, 3].map(() => forkEmbedded("command", { dataDir, packageFolder }));

    await Promise.all(
      commands.map(async (command, index) => {
        expect(await command.receive("ready")).toMatchObject({ owned: true });
        await command.query(`create table notes_${index} ()`);
        await command.stop();
      }),
    );

    await expect(stat(join(dataDir, "data", "postmaster.pid"))).rejects.toMatchObject({ code: "ENOENT" });
    const server = await start(dataDir);
    expect(await query(server, "select count(*)::int from pg_class where relname like 'notes_%'")).toEqual([[3]]);
  });

  it("make a server and a command wait for a command that is working", async () => {
    const dataDir = await copyDataDir();
    const first = forkEmbedded("command", { dataDir, packageFolder });
    await first.receive("ready");
    const server = forkEmbedded("server", { dataDir, packageFolder });
    const command = forkEmbedded("command", { dataDir, packageFolder });

    expect(await first.query("select 'still mine'")).toEqual([["still mine"]]);
    await first.stop();

    // Either process may come next. The command then starts its own PostgreSQL or uses the server.
    await command.receive("ready");
    expect(await command.query("select 1")).toEqual([[1]]);
    await command.stop();
    expect(await server.receive("ready")).toMatchObject({ owned: true });
    expect(await server.query("select 2")).toEqual([[2]]);
    await server.stop();
  });

  it("let a command that begins while the server starts use that server", async () => {
    const dataDir = join(await makeFolder(), ".postgate");
    const starting = startEmbedded({ dataDir });
    while (!(await readdir(dataDir).catch((): string[] => [])).includes("lock.1")) await delay(1);
    const command = await openEmbedded({ dataDir });

    expect(command.owned).toBe(false);
    expect(await query(command, "select 1")).toEqual([[1]]);
    await (await starting).stop();
  });
});

describe("Ctrl-C in the terminal of the gateway", () => {
  it("leaves PostgreSQL running until the gateway stops it", async () => {
    const dataDir = await copyDataDir();
    const server = forkEmbedded("server", { dataDir, packageFolder });
    await server.receive("ready");
    process.kill(-server.pid, "SIGINT"); // A terminal sends the signal to the whole process group.
    await server.receive("interrupted");

    expect(await server.query("select 'draining'")).toEqual([["draining"]]);
    await server.stop();
  });
});
