// Fills the disk of a tenant's tables. The disk is a tablespace on a tmpfs of some megabytes, which only root may mount.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmdirSync } from "node:fs";
import { chown, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { listServerUsers } from "../../src/embedded/server-user.ts";
import { useBuiltCli } from "../support/cli.ts";
import { type Answer, post, startTestGateway } from "../support/gateway.ts";
import { createToken, type OwnServer, serveOn, startOwnServer } from "./own-server.ts";

const TMPFS_MB = 16;
const BALLAST_MB = 4;
const ROW_BYTES = 200_000;

useBuiltCli();

const mount = (folder: string): boolean =>
  spawnSync("mount", ["-t", "tmpfs", "-o", `size=${TMPFS_MB}m`, "tmpfs", folder]).status === 0;
const unmount = (folder: string): boolean => spawnSync("umount", ["--lazy", folder]).status === 0;

function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "postgate-mount-"));
  const isMounted = mount(folder) && unmount(folder);
  rmdirSync(folder);
  return isMounted;
}
const isPossible = process.platform === "linux" && mayMount();
if (!isPossible) console.warn("No tmpfs may be mounted here: the test of a full disk is skipped");

/** Makes the folder of a tablespace on a small disk, and a file there that takes some of the space. */
async function startSmallDisk(server: OwnServer): Promise<{ readonly tablespace: string; readonly ballast: string }> {
  const disk = join(server.folder, "disk");
  await mkdir(disk);
  expect(mount(disk)).toBe(true);
  onTestFinished(() => void unmount(disk)); // This runs before the server's folder is removed, whose removal was registered earlier.
  const ballast = join(disk, "ballast");
  await writeFile(ballast, Buffer.alloc(BALLAST_MB * 1024 * 1024, 1));
  const tablespace = join(disk, "tablespace");
  await mkdir(tablespace);
  const user = listServerUsers()[0];
  if (user !== undefined) for (const path of [disk, tablespace]) await chown(path, user.uid, user.gid);
  return { tablespace, ballast };
}

it("a full disk is reported without PostgreSQL's path, and the connection stays usable", async () => {
  const gateway = await startTestGateway({ config: { poolSize: 4 } }); // With this size, tenants' statements have one connection.
  onTestFinished(() => gateway.close());
  const tenant = await gateway.createTenant();
  await tenant.rows("create table notes (id int)");
  const [{ schema }] = await gateway.database.query(
    "select schema_name as schema from postgate_databases where id = $1",
    [tenant.id],
  );
  // A trigger of the operator raises the server's error without a full disk.
  await gateway.database.query(
    `create function public.no_room() returns trigger language plpgsql as
     $$ begin raise 'could not extend file "base/5/16384": No space left on device' using errcode = '53100', hint = 'Check free disk space.'; end $$;
     grant execute on function public.no_room() to public;
     create trigger no_room before insert on ${String(schema)}.notes for each row execute function public.no_room()`,
  );
  const full = { error: "The database server is out of disk space", code: "DATABASE_ERROR", sqlstate: "53100" };
  for (const sql of ["insert into notes values (1)", "insert into notes values (1) returning id"])
    expect((await tenant.query(sql)).body).toEqual(full);
  expect(await tenant.rows("select id from notes")).toEqual([]);
});

describe.skipIf(!isPossible)("a full disk (skipped where nothing can be mounted)", () => {
  it(
    "is reported as such, blocks neither reads nor the writes of others, and ends when there is room",
    { timeout: 60_000 },
    async () => {
      const server = await startOwnServer();
      const { tablespace, ballast } = await startSmallDisk(server);
      const { url } = await serveOn(server.url);
      const token = await createToken(server.query);
      const other = await createToken(server.query, "other");
      const ask = (sql: string, params: unknown[] = []) => post(url, token, { sql, params });
      const write = (id: number): Promise<Answer> =>
        ask("insert into notes values ($1, $2::bytea)", [id, `\\x${randomBytes(ROW_BYTES).toString("hex")}`]);
      for (const owner of [token, other])
        expect((await post(url, owner, { sql: "create table notes (id int, body bytea)" })).status).toBe(200);
      await server.query(`create tablespace small location '${tablespace}'`);
      const [{ schema }] = await server.query(
        "select schema_name as schema from postgate_databases where name = 'shop'",
      );
      await server.query(`alter table ${String(schema)}.notes set tablespace small`);
      await server.query("checkpoint");

      const acknowledged: number[] = [];
      let refused: Answer | undefined;
      for (let id = 0; refused === undefined; id++) {
        const answer = await write(id);
        if (answer.status === 200) acknowledged.push(id);
        else refused = answer;
      }
      expect(refused).toMatchObject({
        status: 500,
        body: { code: "DATABASE_ERROR", sqlstate: "53100", error: "The database server is out of disk space" },
      });
      expect(refused.text).not.toContain(server.folder);
      expect(refused.text).not.toMatch(/pg_tblspc|base\//);

      const ids = "select array_agg(id order by id) as ids from notes";
      for (let round = 0; round < 5; round++) {
        expect((await write(1_000)).body).toMatchObject({ sqlstate: "53100" });
        expect((await ask(ids)).body.rows).toEqual([{ ids: acknowledged }]);
        expect((await post(url, other, { sql: "insert into notes values (1, 'x')" })).status).toBe(200);
      }

      await rm(ballast);
      const since = performance.now();
      expect((await write(2_000)).status).toBe(200);
      const outage = Math.round(performance.now() - since);
      console.info(
        `full after ${acknowledged.length} rows; written again ${outage} ms after there was room, none lost`,
      );
      expect((await ask(ids)).body.rows).toEqual([{ ids: [...acknowledged, 2_000] }]);
    },
  );
});
