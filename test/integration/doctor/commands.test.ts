// Runs doctor, lockdown and unlock as an operator does, with the built program, and checks exit codes and streams. One
// installation is made by a superuser, and one by a login with CREATEROLE.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { describeServerAge } from "../../../src/doctor/server-age.ts";
import type { WallReport } from "../../../src/doctor/wall-report.ts";
import { migrate } from "../../../src/migration/migrate.ts";
import { connect } from "../../../src/postgres/connect.ts";
import { type Ended, runCli, startCli, useBuiltCli } from "../../support/cli.ts";
import { type ClusterVersion, createTestDatabase, hasCluster, type TestDatabase } from "../../support/cluster.ts";
import { closeWithRoles, emptyDatabase, queryAs, VERSIONS } from "../migration/support.ts";

const cwd = mkdtempSync(join(tmpdir(), "doctor-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
useBuiltCli();

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

function environmentOf({ connection }: TestDatabase, user: string): Record<string, string> {
  const host = encodeURIComponent(connection.host);
  return {
    DATABASE_URL: `postgres://${user}@/${connection.database}?host=${host}`,
    POSTGATE_DEDICATED_HOSTS: connection.host,
    POSTGATE_PORT: "0",
  };
}

type Run = (...words: string[]) => Promise<Pick<Ended, "code" | "stdout" | "stderr">>;

function runnerFor(database: TestDatabase, user = "postgres"): Run {
  return async (...words) => {
    const { code, stdout, stderr } = await runCli(words, { cwd, env: environmentOf(database, user) });
    return { code, stdout, stderr };
  };
}

async function examine(run: Run): Promise<{ code: number | null; stderr: string; walls: Record<string, WallReport> }> {
  const { code, stdout, stderr } = await run("doctor", "--json");
  const reports = JSON.parse(stdout) as WallReport[];
  return { code, stderr, walls: Object.fromEntries(reports.map((report) => [report.wall, report])) };
}

function wallsIn(state: WallReport["state"], walls: Record<string, WallReport>): string[] {
  return Object.values(walls)
    .filter((report) => report.state === state)
    .map(({ wall }) => wall);
}

/** Finds doctor's own schemas, and the tenants' roles of this database. */
const LEFTOVERS_SQL = `
select nspname::text as name from pg_namespace where nspname like 'postgate\\_doctor\\_%'
union all
select rolname from pg_roles
where rolname ~ ('^postgate_t' || (select oid from pg_database where datname = current_database()) || '_')`;

const PUBLIC_RIGHTS_SQL = `
select count(*)::int as functions, (select count(*)::int from pg_class as c, aclexplode(c.relacl) as a where a.grantee = 0) as tables
from pg_proc where pronamespace = 'pg_catalog'::regnamespace and has_function_privilege('public', oid, 'EXECUTE')`;

const CASES = VERSIONS.flatMap((version) => [
  { version, kind: "superuser" as const },
  { version, kind: "CREATEROLE" as const },
]);

describe.each(CASES)("on PostgreSQL $version, installed by a $kind login,", ({ version, kind }) => {
  let database: TestDatabase;
  let run: Run;
  const isSuperuser = kind === "superuser";

  beforeAll(async () => {
    database = await createTestDatabase(version);
    const { database: name } = database.connection;
    if (!isSuperuser)
      await database.query(`create role boss_${name} login createrole; alter database ${name} owner to boss_${name}`);
    // This table belongs to another program, so Postgate does not lock the database down at the start.
    await database.query("create table public.orders (id int)");
    run = runnerFor(database, isSuperuser ? "postgres" : `boss_${name}`);
  });
  afterAll(async () => {
    const { database: name, ...connection } = database.connection;
    await closeWithRoles(database);
    if (!isSuperuser) await queryAs({ ...connection, database: "postgres" }, `drop role boss_${name}`);
  });

  it("doctor shows each wall and how to restore it, and leaves nothing behind", async () => {
    const shown = await run("doctor");

    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toMatch(/^ {2}standing {2}another tenant's tables$/m);
    expect(shown.stdout).toMatch(
      /^ {2}weaker {4}catalogs\n {12}only the SQL policy hides .*\n {12}not refused: select \* from pg_catalog.pg_roles$/m,
    );
    const command = isSuperuser ? "postgate lockdown" : "postgate lockdown, with a superuser as DATABASE_URL";
    expect(shown.stdout).toContain(
      `What raises them:\n  ${command}\n            for: another role within a statement;`,
    );
    expect(shown.stdout).toMatch(/\n\d+ walls: 0 missing, \d+ weaker, \d+ standing\. Tenants are isolated; .*\n$/);
    expect(await database.query(LEFTOVERS_SQL)).toEqual([]);
  });

  it("doctor --json prints its reports on the walls as JSON", async () => {
    const { code, stderr, walls } = await examine(run);

    expect({ code, stderr, missing: wallsIn("missing", walls) }).toEqual({ code: 0, stderr: "", missing: [] });
    expect(walls["another tenant's tables"]).toEqual({
      ...{ wall: "another tenant's tables", state: "standing", why: null, tried: null, raise: null },
    });
    expect(walls["settings"]).toMatchObject({
      state: "weaker",
      tried: "select set_config('statement_timeout', '0', true)",
    });
    expect(walls["temporary files"]?.state).toBe(isSuperuser ? "standing" : "weaker");
  });

  it("lockdown --dry-run prints the statements of lockdown, unlock reverses them, and doctor reports the locked state", async () => {
    const before = await database.query(PUBLIC_RIGHTS_SQL);
    const rehearsed = await run("lockdown", "--dry-run");
    expect(await database.query(PUBLIC_RIGHTS_SQL)).toEqual(before);

    const done = await run("lockdown");
    expect(withoutGrants(done.stdout)).toBe(withoutGrants(rehearsed.stdout));
    expect(done).toMatchObject({ code: 0, stdout: matching(/^create role postgate_public_\d+[^;]*;\n/) });
    expect(done.stderr).toEqual(
      isSuperuser
        ? ""
        : matching(/^warning: only a superuser can take \d+ more rights from PUBLIC; see "postgate doctor"\n$/),
    );
    const locked = await examine(run);
    expect(locked.code).toBe(0);
    // The machine's own PostgreSQL may be an old minor release, which doctor reports.
    const [{ number }] = await database.query("select current_setting('server_version_num')::int as number");
    const age = describeServerAge(number) === undefined ? [] : ["the server's version"];
    if (isSuperuser) expect(wallsIn("weaker", locked.walls)).toEqual(age);
    else expect(locked.walls["temporary tables"]?.state).toBe("standing");
    const again = await run("lockdown");
    expect(again.code).toBe(0);
    expect(withoutGrants(again.stdout)).toBe("");
    if (again.stdout === "") expect(again.stderr).toMatch(/^Nothing is left to be taken away\n/);

    expect(await run("unlock")).toMatchObject({ code: 0, stdout: matching(/^grant [^;]* to public;\n/i), stderr: "" });
    expect(await database.query(PUBLIC_RIGHTS_SQL)).toEqual(before);
  });
});

/** Removes the grants: other tests create logins on the same server at the same time, and each login gets PUBLIC's former rights. */
function withoutGrants(sql: string): string {
  return sql.replaceAll(/^grant [^;]*;\n/gm, "");
}

const DANGERS = [
  { version: 18, made: (exec: string) => `alter role ${exec} createrole`, finding: "may make roles and change others" },
  { version: 18, made: (exec: string) => `alter database current owner to ${exec}`, finding: "owns objects" },
  { version: 15, made: (exec: string) => `alter role ${exec} superuser`, finding: "may do everything" },
] as const;

describe("a start where tenants are not isolated", () => {
  it.each(DANGERS.filter(({ version }) => hasCluster(version)))(
    "is refused by serve on PostgreSQL $version if the tenants' login $finding, until doctor's SQL has run",
    async ({ version, made, finding }) => {
      const database = await emptyDatabase(version);
      const { exec } = (await migrate(database.connection)).roles;
      await database.query(made(exec).replace("current", database.connection.database));
      const run = runnerFor(database);

      const refused = await run("serve");
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      const line = new RegExp(
        `^error: tenants' statements would run with rights .*"${exec}" ${finding}[^\\n]*\\n$`,
        "m",
      );
      expect(refused.stderr).toMatch(line);
      const { code, stderr, walls } = await examine(run);
      expect({ code, stderr }).toEqual({ code: 1, stderr: matching(/^error: tenants are not isolated: [^\n]*\n$/) });
      const { state, raise } = walls["the tenants' login and roles"] ?? {};
      expect(state).toBe("missing");

      await database.query(String(raise));

      const serving = startCli(["serve"], { cwd, env: environmentOf(database, "postgres") });
      await serving.until("stderr", /"msg":"listening"/);
      serving.interrupt();
      expect((await serving.ended).code).toBe(0);
    },
  );
});

describe.each(VERSIONS)("on PostgreSQL %i", (version: ClusterVersion) => {
  it("doctor removes the schemas and roles that a killed doctor left, and nothing else", async () => {
    const database = await emptyDatabase(version);
    await migrate(database.connection);
    // A tenant and the operator each own a schema whose name begins like those of doctor.
    const lookalike = `postgate_doctor_${"a".repeat(32)}`;
    await database.query(`create schema ${lookalike}; create schema postgate_doctor_notes`);
    await database.query("insert into postgate_databases (name, schema_name) values ('odd', $1)", [lookalike]);
    await migrate(database.connection);
    const before = await database.query(LEFTOVERS_SQL);
    const blocker = await connect(database.connection);
    onTestFinished(() => blocker.end());
    await blocker.query(`select pg_advisory_lock(${PROVISIONING_LOCK})`);
    const killed = startCli(["doctor"], { cwd, env: environmentOf(database, "postgres") });
    await untilWaiting(database);
    // The first waiter gets the lock until its transaction ends. Then the blocker has the lock again.
    await blocker.query(
      `select pg_advisory_unlock(${PROVISIONING_LOCK}); select pg_advisory_lock(${PROVISIONING_LOCK})`,
    );
    await untilWaiting(database);
    killed.child.kill("SIGKILL");
    await killed.ended;
    await blocker.query("select pg_advisory_unlock_all()");
    // The killed doctor has left its two schemas, and the two roles of the first.
    expect(await database.query(LEFTOVERS_SQL)).toHaveLength(before.length + 4);

    expect(await runnerFor(database)("doctor")).toMatchObject({ code: 0, stderr: "" });

    expect(await database.query(LEFTOVERS_SQL)).toEqual(before);
  });

  it("doctor examines the logins of dedicated databases, their roles, and how their strings are stored", async () => {
    const database = await emptyDatabase(version);
    await migrate(database.connection);
    const { host, database: name } = database.connection;
    await database.query(
      `create role plain_${name} login; create role mighty_${name} login createrole in role plain_${name}`,
    );
    onTestFinished(() => database.query(`drop role mighty_${name}, plain_${name}`).then(() => undefined));
    const urlOf = (user: string, more = ""): string =>
      `postgres://${user}:canary@/postgres?host=${encodeURIComponent(host)}${more}`;
    const ids: string[] = [];
    for (const url of [
      urlOf(`plain_${name}`),
      urlOf("postgres"),
      urlOf(`mighty_${name}`, `&options=-c%20role%3Dplain_${name}`),
      urlOf("postgres").replace("/postgres?", "/nowhere?"),
    ]) {
      const [row] = await database.query(
        "insert into postgate_databases (name, backend_type, connection_string) values ('own', 'dedicated', $1) returning id",
        [url],
      );
      ids.push(String(row.id));
    }

    const { code, stderr, walls } = await examine(runnerFor(database));

    const [plain, superuser, hidden, away] = ids.map((id) => walls[`dedicated database ${id}`]);
    expect(code).toBe(1);
    expect(plain).toMatchObject({ state: "standing" });
    expect(superuser).toMatchObject({
      state: "missing",
      tried: matching(/pg_read_file/),
      raise: matching(/^ALTER ROLE "postgres" NOSUPERUSER/),
    });
    expect(hidden).toMatchObject({
      state: "missing",
      why: matching(new RegExp(`"mighty_${name}"`)),
      tried: matching(/^create role/),
    });
    expect(away).toMatchObject({ state: "weaker", why: matching(/nothing is known of its login: .*does not exist/) });
    expect(walls["connection strings at rest"]).toMatchObject({ state: "weaker", why: matching(/^4 of 4/) });
    expect(stderr + JSON.stringify(walls)).not.toContain("canary");
  });
});

/** The advisory lock of src/postgres/locked-transaction.ts. */
const PROVISIONING_LOCK = "8101821198450652261";

async function untilWaiting({ connection }: TestDatabase): Promise<void> {
  const sql =
    "select from pg_stat_activity where application_name = 'postgate doctor' and datname = current_database() and wait_event_type = 'Lock'";
  await expect.poll(() => queryAs(connection, sql), { timeout: 20_000 }).toHaveLength(1);
}
