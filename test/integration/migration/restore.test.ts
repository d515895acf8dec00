// Moves an installation to a newer PostgreSQL by a dump. The new server has none of the old server's roles.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import type { ConnectionSettings } from "../../../src/postgres/connection-settings.ts";
import { hasCluster } from "../../support/cluster.ts";
import { startTestGateway } from "../../support/gateway.ts";
import { emptyDatabase, migrated } from "./support.ts";

const PG_DUMP = "/usr/bin/pg_dump";
const PSQL = "/usr/bin/psql";
const run = promisify(execFile);

const optionsFor = ({ host, port, user, database }: ConnectionSettings): string[] => [
  "-h",
  host,
  "-p",
  String(port),
  "-U",
  user,
  "-d",
  database,
];

/** Restores a dump with its roles renamed, so that its grants and changes of owner fail, as on a server without these roles. */
async function copyByDump(source: ConnectionSettings, target: ConnectionSettings): Promise<string> {
  const { stdout } = await run(PG_DUMP, optionsFor(source), { maxBuffer: 1 << 26 });
  const dump = stdout.replaceAll(/postgate_(owner_|admin_|auth_|exec_|public_|t)(?=\d+)/g, "gone_$1");
  const restoring = run(PSQL, ["-qX", ...optionsFor(target)], { maxBuffer: 1 << 26 });
  restoring.child.stdin?.end(dump);
  await restoring;
  return dump;
}

const MISSING = [existsSync(PG_DUMP) && existsSync(PSQL), hasCluster(15), hasCluster(18)].includes(false);

it.skipIf(MISSING)(
  "a dump of PostgreSQL 15 keeps its data, tokens and walls on 18 after migrate (skipped without Debian's client)",
  async () => {
    const old = await startTestGateway({ version: 15 });
    const target = await emptyDatabase(18);
    const alice = await old.createTenant({ name: "alice" });
    const bob = await old.createTenant({ name: "bob" });
    await alice.rows("create table notes (id serial primary key, body text)");
    await alice.rows("insert into notes (body) values ('kept')");
    await bob.rows("create table secrets (secret text)");
    await bob.rows("insert into secrets values ('canary')");

    const dump = await copyByDump(old.database.connection, target.connection);
    // The dump includes the lock-down, so the rights are closed between the restore and the migration too.
    expect(dump).toMatch(/REVOKE ALL ON FUNCTION pg_catalog\.set_config\(.*\) FROM PUBLIC/);
    const tokens = await old.database.query("select id, token_hash from postgate_tokens order by id");
    const schemas = await old.database.query("select id, schema_name from postgate_databases");
    await old.close();

    const restored = await migrated(target);
    expect(restored.installation).toMatchObject({ applied: [], failures: [], dangers: [] });
    expect(restored.installation.lockdown).toEqual({ kind: "locked", beyond: 0 });
    expect(await target.query("select id, token_hash from postgate_tokens order by id")).toEqual(tokens);
    const schemaOf = (id: string): string => String(schemas.find((row) => row.id === id)?.schema_name);
    const tenant = restored.tenant(alice.id, schemaOf(alice.id));
    const other = restored.tenant(bob.id, schemaOf(bob.id));
    expect(await tenant.run("insert into notes (body) values ('new') returning id", "readWrite")).toEqual([{ id: 2 }]);
    expect(await tenant.run("select body from notes order by id")).toEqual([{ body: "kept" }, { body: "new" }]);
    expect(await other.run("select secret from secrets")).toEqual([{ secret: "canary" }]);

    for (const sql of [
      `select * from "${other.schema}".secrets`,
      `select set_config('role', '${other.roles.owner}', true)`,
      "select * from public.postgate_tokens",
      "select * from pg_catalog.pg_class",
      "do $$ begin perform 1; end $$",
    ])
      await expect(tenant.run(sql), sql).rejects.toMatchObject({ code: "42501" });
  },
  60_000,
);
