import { chown, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openEmbedded, startEmbedded } from "../../../src/embedded/start-embedded.ts";
import {
  copyDataDir,
  isRoot,
  makeFolder,
  NOBODY,
  packageFolder,
  prepareDataDir,
  query,
  readServerPid,
  start,
} from "./data-dirs.ts";
import { compileEmbeddedProcess, forkEmbedded } from "./fork-embedded.ts";

prepareDataDir();
compileEmbeddedProcess();

describe("the embedded PostgreSQL", () => {
  it("makes a private folder, listens on a unix socket only, and keeps its data for the next start", async () => {
    const dataDir = join(await makeFolder(), ".postgate");
    const first = await start(dataDir);

    expect(first.owned).toBe(true);
    expect(first.connection).toMatchObject({ user: "postgres", database: "postgres", port: 5432 });
    expect(first.connection.host).toBe(join(dataDir, "socket"));
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    expect((await stat(first.connection.host)).mode & 0o777).toBe(0o700);
    expect(await query(first, "show listen_addresses")).toEqual([[""]]);
    expect(await query(first, "show fsync")).toEqual([["on"]]);
    await query(first, "create table notes as select 'kept' as body");
    await first.stop();
    await first.stop();

    const second = await start(dataDir);
    expect(await query(second, "select body from notes")).toEqual([["kept"]]);
  });

  it("writes no SQL, error or value of a statement into its log, and keeps one older log", async () => {
    const dataDir = await copyDataDir();
    const first = await start(dataDir);
    await query(first, "create table notes (body text primary key)");
    await query(first, "insert into notes values ('secret-value')");
    await expect(query(first, "insert into notes values ('secret-value')")).rejects.toMatchObject({ code: "23505" });
    await expect(query(first, "select secret-from")).rejects.toMatchObject({ code: "42601" });
    await first.stop();

    const log = await readFile(join(dataDir, "server.log"), "utf8");
    expect(log).toContain("database system is shut down");
    expect(log).not.toMatch(/secret|notes|ERROR|STATEMENT/);

    await start(dataDir);
    expect(await readFile(join(dataDir, "server.log.previous"), "utf8")).toBe(log);
  });

  it("puts the socket elsewhere when the folder's path is too long, where other processes find it", async () => {
    const dataDir = join(await makeFolder(), "x".repeat(100), ".postgate");
    const server = await start(dataDir);
    const command = await openEmbedded({ dataDir });

    expect(server.connection.host.length).toBeLessThan(85);
    expect((await stat(server.connection.host)).mode & 0o777).toBe(0o700);
    expect(command.connection).toEqual(server.connection);
    expect(await query(command, "select 1")).toEqual([[1]]);
    await server.stop();

    await expect(stat(server.connection.host)).rejects.toMatchObject({ code: "ENOENT" });
    expect(await query(await start(dataDir), "select 1")).toEqual([[1]]);
  });

  it("reports why PostgreSQL did not start and where its log is", async () => {
    const dataDir = await copyDataDir();
    await writeFile(join(dataDir, "data", "postgresql.auto.conf"), "work_mem = banana\n");

    await expect(startEmbedded({ dataDir })).rejects.toThrow(
      /^PostgreSQL did not start: .*postgresql\.auto\.conf.*server\.log\)$/,
    );
  });

  it("reports that the server ended by itself, and recovers at the next start", async () => {
    const dataDir = await copyDataDir();
    const first = await start(dataDir);
    await query(first, "create table notes as select 'kept' as body");
    process.kill(await readServerPid(dataDir), "SIGKILL");

    expect(await first.exited).toEqual({ code: null, signal: "SIGKILL" });
    await first.stop();
    expect(await query(await start(dataDir), "select body from notes")).toEqual([["kept"]]);
  });
});

describe("a data folder that cannot be used", () => {
  it("is refused when it holds other files", async () => {
    const folder = await makeFolder();
    await writeFile(join(folder, "thesis.txt"), "");

    await expect(startEmbedded({ dataDir: folder })).rejects.toThrow(
      `${folder} holds other files and no data of Postgate: set POSTGATE_DATA_DIR to a new or empty folder`,
    );
    expect((await stat(folder)).mode & 0o777).toBe(0o755);
  });

  it("is refused when its data is from a PostgreSQL version that is not installed", async () => {
    const dataDir = await copyDataDir();
    await writeFile(join(dataDir, "data", "PG_VERSION"), "13\n");

    await expect(startEmbedded({ dataDir })).rejects.toThrow(/was made by PostgreSQL 13, and there is only \d+ here: /);
  });

  it("is refused when it cannot be made", async () => {
    const file = join(await makeFolder(), "file");
    await writeFile(file, "");

    await expect(startEmbedded({ dataDir: join(file, ".postgate") })).rejects.toThrow(
      `cannot keep its data in ${file}/.postgate (EEXIST): set POSTGATE_DATA_DIR`,
    );
  });

  it.skipIf(!isRoot)("is refused when it belongs to another user", async () => {
    const [dataDir, foreign] = [await copyDataDir(), await makeFolder()];
    await chown(foreign, 12_345, 12_345);

    const process = forkEmbedded("server", { dataDir, packageFolder, ids: NOBODY });
    expect((await process.receive("failed")).message).toMatch(
      /belongs to the user with id \d+, and this process runs as 65534: /,
    );
    await expect(startEmbedded({ dataDir: foreign })).rejects.toThrow("belongs to the user with id 12345");
  });
});
