// Tests a database whose tenants' schemas Citus spreads over servers. Citus cannot be installed here, so an extension with its name
// replaces it. Some of its functions have the same names in the same places, and do nothing. Citus itself is not tested.

import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { listServerUsers } from "../../../src/embedded/server-user.ts";
import { temporaryFolderFor } from "../../../src/embedded/socket-folder.ts";
import { migrate } from "../../../src/migration/migrate.ts";
import type { TestDatabase } from "../../support/cluster.ts";
import { startTestGateway } from "../../support/gateway.ts";
import { emptyDatabase, migrated } from "./support.ts";

const SCRIPT = `
create schema citus;
create function pg_catalog.run_command_on_workers(command text, parallel boolean default true) returns text
  language sql as 'select $1';
create function pg_catalog.create_distributed_table(table_name regclass, distribution_column text) returns void
  language sql as 'select';
create function pg_catalog.citus_schema_undistribute(schemaname regnamespace) returns void language sql as 'select';
create function pg_catalog.master_get_active_worker_nodes() returns text language sql as 'select ''worker''';
create view citus.citus_tables as select 1 as shards;
alter view citus.citus_tables set schema pg_catalog;
grant select on pg_catalog.citus_tables to public;
grant usage on schema citus to public;`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(temporaryFolderFor(listServerUsers()[0]), "postgate-citus-"));
  await chmod(folder, 0o755);
  await mkdir(join(folder, "extension"));
  const control = "default_version = '1.0'\nrelocatable = false\nschema = pg_catalog\n";
  await writeFile(join(folder, "extension", "citus.control"), control);
  await writeFile(join(folder, "extension", "citus--1.0.sql"), SCRIPT);
});
afterAll(() => rm(folder, { recursive: true }));

async function createExtension(database: TestDatabase): Promise<void> {
  await database.query("select set_config('extension_control_path', $1, false)", [`${folder}:$system`]);
  await database.query("create extension citus");
}

async function loginsOf(database: TestDatabase): Promise<unknown> {
  const [row] = await database.query(
    `select count(*)::int as roles, count(*) filter (where rolcanlogin)::int as logins,
            count(rolpassword)::int as passwords
     from pg_authid
     where rolname ~ ('^postgate_t' || (select oid from pg_database where datname = current_database()) || '_')`,
  );
  return row;
}

describe("a database that is a coordinator of Citus", () => {
  it("lets tenants' roles log in while Citus is installed, because it connects to its workers as these roles", async () => {
    const database = await emptyDatabase(18);
    const gateway = await migrated(database);
    await gateway.createTenant();
    expect(await loginsOf(database)).toEqual({ roles: 2, logins: 0, passwords: 0 });
    await createExtension(database);
    await migrate(database.connection);
    expect(await loginsOf(database)).toEqual({ roles: 2, logins: 2, passwords: 0 });
    await gateway.createTenant();
    expect(await loginsOf(database)).toEqual({ roles: 4, logins: 4, passwords: 0 });
    await database.query("drop extension citus");
    await migrate(database.connection);
    expect(await loginsOf(database)).toEqual({ roles: 4, logins: 0, passwords: 0 });
  });

  it("refuses a tenant's role the functions and views of Citus, even without the judge", async () => {
    const database = await emptyDatabase(18);
    await createExtension(database);
    const gateway = await migrated(database);
    expect(gateway.installation.lockdown).toEqual({ kind: "locked", beyond: 0 });
    const tenant = await gateway.createTenant();
    await tenant.run("create table notes (id int)");
    for (const sql of [
      "select run_command_on_workers('drop role x')",
      "select ('drop role x'::text).run_command_on_workers",
      "select create_distributed_table('notes', 'id')",
      "select master_get_active_worker_nodes()",
      "select * from citus_tables",
      "create table citus.notes (id int)",
    ])
      for (const mode of ["owner", "readWrite"] as const)
        await expect(tenant.run(sql, mode), sql).rejects.toMatchObject({ code: "42501" });
  });

  it("refuses the functions of Citus in every form of call, and allows columns with other names", async () => {
    const gateway = await startTestGateway({ prepare: createExtension });
    onTestFinished(() => gateway.close());
    const tenant = await gateway.createTenant();
    for (const sql of [
      "select run_command_on_workers('drop role x')",
      "select ('drop role x'::text).run_command_on_workers",
      "select x.run_command_on_workers from unnest(array['drop role x']) as x",
      "select (2200::oid).citus_schema_undistribute",
    ])
      expect((await tenant.query(sql)).body, sql).toMatchObject({ reason: "FUNCTION_NOT_ALLOWED" });
    await tenant.rows("create table places (city text)");
    expect(await tenant.rows("select (p).city from places as p")).toEqual([]);
  });

  it("takes the functions of Citus from PUBLIC on a worker with the statement in docs/how-to/scale.md", async () => {
    const page = await readFile(new URL("../../../docs/how-to/scale.md", import.meta.url), "utf8");
    const [, command = ""] = /\$command\$([^]*)\$command\$/.exec(page) ?? [];
    const worker = await emptyDatabase(18); // The worker has the extension, and no objects of Postgate.
    await createExtension(worker);
    const executable = `select proname from pg_proc where oid >= 16384 and has_function_privilege('public', oid, 'execute')`;
    expect(await worker.query(executable)).toHaveLength(4);
    await worker.query(command);
    expect(await worker.query(executable)).toEqual([]);
  });
});
