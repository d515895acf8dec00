import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { findProcessStart } from "../../../src/embedded/process-start.ts";
import { idsOf } from "../../../src/embedded/server-user.ts";
import { wasStoppedInOrder } from "../../../src/embedded/single-user-server.ts";
import { startEmbedded } from "../../../src/embedded/start-embedded.ts";
import {
  copyDataDir,
  isLinux,
  makeFolder,
  packageFolder,
  prepareDataDir,
  query,
  readServerPid,
  serverUser,
  start,
} from "./data-dirs.ts";
import { compileEmbeddedProcess, forkEmbedded } from "./fork-embedded.ts";

prepareDataDir();
compileEmbeddedProcess();

describe("the embedded PostgreSQL after kill -9", () => {
  it.skipIf(!isLinux)("ends by itself when Node was killed, and the next start has the data", async () => {
    const dataDir = await copyDataDir();
    const killed = forkEmbedded("server", { dataDir, packageFolder });
    await killed.receive("ready");
    await killed.query("create table notes as select 'kept' as body");
    const pid = await readServerPid(dataDir);
    await killed.kill("SIGKILL");
    while ((await findProcessStart(pid)) !== undefined) await delay(10);

    const embedded = await start(dataDir);
    expect(await query(embedded, "select body from notes")).toEqual([["kept"]]);
  });

  it("recovers without the memory limit of sessions, and then starts with the limit", async () => {
    const dataDir = await copyDataDir();
    const killed = await start(dataDir);
    await query(killed, "create table notes as select 'kept' as body");
    expect(await wasStoppedInOrder(join(dataDir, "data"))).toBe(false);
    process.kill(await readServerPid(dataDir), "SIGKILL");
    await killed.exited;
    await killed.stop();

    const embedded = await start(dataDir);
    expect(await query(embedded, "select body from notes")).toEqual([["kept"]]);
    expect(await readFile(join(dataDir, "server.log"), "utf8")).not.toMatch(/redo|recovery/);
    await embedded.stop();
    expect(await wasStoppedInOrder(join(dataDir, "data"))).toBe(true);
  });

  it("makes the data folder again at the next start when the first start was killed, and leaves no remains", async () => {
    const dataDir = join(await makeFolder(), ".postgate");
    const killed = forkEmbedded("server", { dataDir, packageFolder });
    const isUnfinished = (name: string): boolean => name.startsWith("data.unfinished-");
    let unfinished: string | undefined;
    while (unfinished === undefined) {
      unfinished = (await readdir(dataDir).catch((): string[] => [])).find(isUnfinished);
      await delay(5);
    }
    while (!(await readdir(join(dataDir, unfinished))).includes("PG_VERSION")) await delay(5);
    await killed.kill("SIGKILL");
    expect(await readdir(dataDir)).toContain(unfinished);

    const embedded = await start(dataDir);
    expect(await query(embedded, "select 1")).toEqual([[1]]);
    expect((await readdir(dataDir)).filter(isUnfinished)).toEqual([]);
  });

  it("stops a server that was left running before it starts the next one", async () => {
    const dataDir = await copyDataDir();
    const args = ["-D", join(dataDir, "data"), "-c", "listen_addresses="];
    const orphan = spawn(
      join(packageFolder, "native/bin/postgres"),
      [...args, "-c", `unix_socket_directories=${join(dataDir, "socket")}`],
      { ...idsOf(serverUser), cwd: "/", stdio: "ignore" },
    );
    const ended = once(orphan, "exit");
    while ((await readServerPid(dataDir).catch(() => 0)) !== orphan.pid) await delay(10);

    const embedded = await start(dataDir);
    expect(await ended).toEqual([0, null]);
    expect(await query(embedded, "select 1")).toEqual([[1]]);
  });

  it("starts, and sends no signal, when its old pid now belongs to another process", async () => {
    const dataDir = await copyDataDir();
    const first = await startEmbedded({ dataDir });
    const left = await readFile(join(dataDir, "data", "postmaster.pid"), "utf8");
    const pid = await readServerPid(dataDir);
    await first.stop();
    const bystander = spawn("sleep", ["600"], { ...idsOf(serverUser), cwd: "/", stdio: "ignore" });
    onTestFinished(() => void bystander.kill());
    const replaced = String(bystander.pid);
    await writeFile(join(dataDir, "data", "postmaster.pid"), left.replace(String(pid), replaced));
    await writeFile(join(dataDir, "socket", ".s.PGSQL.5432.lock"), left.replace(String(pid), replaced));
    await writeFile(
      join(dataDir, "lock.9"),
      JSON.stringify({ pid: process.pid, processStart: "earlier", role: "server" }),
    );
    if (serverUser !== undefined) await chown(join(dataDir, "data", "postmaster.pid"), serverUser.uid, serverUser.gid);

    expect(await query(await start(dataDir), "select 1")).toEqual([[1]]);
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
  });
});
