import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { idsOf } from "../../../src/embedded/server-user.ts";
import { type EmbeddedPostgres, openEmbedded } from "../../../src/embedded/start-embedded.ts";
import { migrate } from "../../../src/migration/migrate.ts";
import { connect } from "../../../src/postgres/connect.ts";
import { parseConnectionUrl, type ConnectionSettings } from "../../../src/postgres/connection-settings.ts";
import {
  copyDataDir,
  isRoot,
  makeFolder,
  packageFolder,
  prepareDataDir,
  query,
  serverUser,
  start,
} from "./data-dirs.ts";
import { compileEmbeddedProcess, forkEmbedded } from "./fork-embedded.ts";
import { copyReleasedFolder, prepareReleasedFolder, startReleased, trusted } from "./released-folder.ts";

prepareDataDir();
prepareReleasedFolder();
compileEmbeddedProcess();

const PASSWORD = /^[0-9a-f]{64}\n$/;
const passwordFile = (dataDir: string): string => join(dataDir, "superuser-password");
const accessRules = (dataDir: string): Promise<string> => readFile(join(dataDir, "data", "pg_hba.conf"), "utf8");

/** Returns the reason why a login is refused, or undefined when it is admitted. */
async function refusalOf(settings: ConnectionSettings): Promise<string | undefined> {
  try {
    await (await connect(settings)).end();
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^.*": /, "");
  }
}

/** Expects that the server admits nobody without the password: the superuser, Postgate's two logins, and replication. */
async function expectWall(embedded: EmbeddedPostgres): Promise<void> {
  const { auth, exec } = await migrate(embedded.connection);
  for (const { user } of [embedded.connection, auth, exec]) {
    const asked = await refusalOf({ ...embedded.connection, user, password: undefined });
    expect([user, asked]).toEqual([user, expect.stringContaining("the server asks for a password")]);
    const wrong = await refusalOf({ ...embedded.connection, user, password: "postgres" });
    expect([user, wrong]).toEqual([user, expect.stringContaining("password authentication failed")]);
  }
  for (const login of [embedded.connection, auth, exec]) expect(await refusalOf(login)).toBeUndefined();
  expect(
    await query(embedded, "select count(*)::int from pg_hba_file_rules where auth_method <> 'scram-sha-256'"),
  ).toEqual([[0]]);
}

describe("the embedded PostgreSQL's password", () => {
  it("is required of everybody, even of the URL that an admin token can write into a dedicated row", async () => {
    const dataDir = join(await makeFolder(), ".postgate");
    const embedded = await start(dataDir);

    await expectWall(embedded);
    const host = encodeURIComponent(embedded.connection.host);
    const url = `postgres://postgres@${host}/postgres?options=-csearch_path%3Dpostgate_private`;
    expect(await refusalOf(parseConnectionUrl(url))).toMatch(/the server asks for a password/);
  });

  it("is stored in a file that only the user who runs Postgate can read", async () => {
    const dataDir = join(await makeFolder(), ".postgate");
    await start(dataDir);

    const { mode, uid } = await stat(passwordFile(dataDir));
    expect([mode & 0o777, uid]).toEqual([0o600, process.getuid?.()]);
    expect(await readFile(passwordFile(dataDir), "utf8")).toMatch(PASSWORD);
    if (!isRoot) return;
    const read = spawnSync("cat", [passwordFile(dataDir)], { cwd: "/", encoding: "utf8", ...idsOf(serverUser) });
    expect(read).toMatchObject({ stdout: "", stderr: expect.stringMatching(/Permission denied/) as string });
  });

  it("stays the same from start to start and appears in no log", async () => {
    const dataDir = await copyDataDir();
    const password = await readFile(passwordFile(dataDir), "utf8");
    const first = await start(dataDir);
    await first.stop();
    await start(dataDir);

    expect(await readFile(passwordFile(dataDir), "utf8")).toBe(password);
    for (const log of ["server.log", "server.log.previous"]) {
      const text = await readFile(join(dataDir, log), "utf8");
      expect(text).not.toContain(password.trim());
      expect(text).not.toContain("SCRAM");
    }
  });

  it("is replaced at the next start when its file is lost, and Postgate's logins get new passwords", async () => {
    const dataDir = await copyDataDir();
    const before = await start(dataDir);
    const logins = await migrate(before.connection);
    await before.stop();
    await rm(passwordFile(dataDir));

    const embedded = await start(dataDir);
    await expectWall(embedded);
    expect(await refusalOf({ ...logins.exec, host: embedded.connection.host, password: logins.exec.password })).toMatch(
      /password authentication failed/,
    );
  });

  it("is replaced at the next start when the file belongs to other data", async () => {
    const [dataDir, other] = [await copyDataDir(), join(await makeFolder(), ".postgate")];
    await (await start(other)).stop();
    await rm(join(dataDir, "data"), { recursive: true });
    execFileSync("cp", ["-a", join(other, "data"), dataDir]);

    await expectWall(await start(dataDir));
  });

  it("is required even when the access rules or the setting that names them were changed", async () => {
    const dataDir = await copyDataDir();
    await writeFile(join(dataDir, "data", "pg_hba.conf"), "local all all trust\n");
    await writeFile(join(dataDir, "data", "open.conf"), "local all all trust\n");
    await chmod(join(dataDir, "data", "open.conf"), 0o644);
    await writeFile(join(dataDir, "data", "postgresql.auto.conf"), "hba_file = 'open.conf'\n");

    await expectWall(await start(dataDir));
    expect(await accessRules(dataDir)).not.toContain("trust");
  });

  it("is read by a command beside the server, which reports a lost file in one line", async () => {
    const dataDir = await copyDataDir();
    const server = await start(dataDir);
    const command = forkEmbedded("command", { dataDir, packageFolder });
    expect(await command.receive("ready")).toMatchObject({ owned: false });
    expect(await command.query("select 1")).toEqual([[1]]);
    await command.stop();
    await rm(passwordFile(dataDir));

    const lost = openEmbedded({ dataDir });
    await expect(lost).rejects.toThrow(
      `The PostgreSQL of ${dataDir} runs (pid ${process.pid}), and ${passwordFile(dataDir)} has no password that this user can read: `,
    );
    await expect(lost).rejects.not.toThrow("\n");
    await server.stop();
    const alone = await openEmbedded({ dataDir });
    onTestFinished(() => alone.stop());
    expect(await query(alone, "select 1")).toEqual([[1]]);
  });

  it.skipIf(!isRoot || serverUser === undefined)(
    "is replaced for PostgreSQL's own user, who may use a folder of root but not read root's password file",
    async () => {
      const dataDir = await copyDataDir();
      const server = forkEmbedded("server", { dataDir, packageFolder, ids: idsOf(serverUser) as never });
      await server.receive("ready");
      expect(await server.query("select 1")).toEqual([[1]]);
      await server.stop();

      await expectWall(await start(dataDir));
    },
  );
});

describe("a data folder of the last release, which required no password", () => {
  it("requires the password after a clean stop and keeps its data", async () => {
    const dataDir = await copyReleasedFolder();
    const released = await startReleased(dataDir);
    expect(await refusalOf(trusted(dataDir))).toBeUndefined();
    await runTrusted(dataDir, "create table notes as select 'kept' as body");
    const { exec } = await migrate(trusted(dataDir));
    await released.stop();

    const embedded = await start(dataDir);
    await expectWall(embedded);
    expect(await query(embedded, "select body from notes")).toEqual([["kept"]]);
    // Passwords that others may have read no longer work.
    expect(await refusalOf({ ...embedded.connection, user: exec.user, password: exec.password })).toMatch(
      /password authentication failed/,
    );
  });

  it("requires the password after kill -9 and keeps its data", async () => {
    const dataDir = await copyReleasedFolder();
    const released = await startReleased(dataDir);
    await runTrusted(dataDir, "create table notes as select 'kept' as body");
    process.kill(released.pid, "SIGKILL");
    await released.exited;

    const embedded = await start(dataDir);
    await expectWall(embedded);
    expect(await query(embedded, "select body from notes")).toEqual([["kept"]]);
  });

  it("requires the password after a first start that was killed when it had made the password", async () => {
    const dataDir = await copyReleasedFolder();
    const killed = forkEmbedded("server", { dataDir, packageFolder });
    while (!existsSync(passwordFile(dataDir))) await delay(1);
    await killed.kill("SIGKILL");

    await expectWall(await start(dataDir));
  });

  it.each([
    { step: "the password's file is written and nothing else is done", makeFolder: copyReleasedFolder },
    { step: "the access rules are written, and PostgreSQL has another password", makeFolder: copyDataDir },
  ])("requires the password when $step", async ({ makeFolder: copy }) => {
    const dataDir = await copy();
    await writeFile(passwordFile(dataDir), `${"0".repeat(64)}\n`);

    await expectWall(await start(dataDir));
  });

  it("requires the password when a command starts the server for itself", async () => {
    const dataDir = await copyReleasedFolder();
    const alone = await openEmbedded({ dataDir });
    onTestFinished(() => alone.stop());

    await expectWall(alone);
  });
});

async function runTrusted(dataDir: string, sql: string): Promise<void> {
  const client = await connect(trusted(dataDir));
  await client.query(sql);
  await client.end();
}
