// The judge refuses all of these statements. Here they are taken for approved: what one session leaves behind must be gone
// for the next one on the same connection.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasCluster } from "../../support/cluster.ts";
import { type Harness, startHarness } from "./harness.ts";

const backendOf = ({ database, login }: Harness): Promise<unknown> =>
  database.query("select pid from pg_stat_activity where usename = $1", [login.user]);

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));

describe.each(VERSIONS)("a connection that changes its session on PostgreSQL %i", (version) => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await startHarness(version);
    await harness.run("create sequence counter");
    await harness.database.query("grant usage on schema alice, bob to public");
    // A function's end tells nothing of what it did: only the reset stands behind it.
    await harness.database.query(
      "create function alice.leave(sql text) returns int language plpgsql as 'begin execute sql; return 1; end'",
    );
  });
  afterEach(() => harness.close());

  it.each([
    ["a setting", "set work_mem = '65kB'", "select current_setting('work_mem') <> '65kB'"],
    ["an output setting", "set datestyle = 'German'", "select date '2026-02-03'::text = '2026-02-03'"],
    ["a time limit", "set statement_timeout = 1", "select pg_sleep(0.01) is not null"],
    ["a role", "set role none", "select current_user like 'bob%'"],
    [
      "an isolation level",
      "set default_transaction_isolation = 'serializable'",
      "select true",
      "select current_setting('transaction_isolation') = 'read committed'",
    ],
    ["a search_path", "set search_path = alice", "select current_schema() = 'bob'"],
    [
      "a cursor",
      "declare stolen cursor with hold for select 1",
      "select not exists (select from pg_cursors where name = 'stolen')",
    ],
    ["a temporary table", "create temp table loot (id int)", "select to_regclass('pg_temp.loot') is null"],
    ["a lock", "select pg_advisory_lock(42)", "select not exists (select from pg_locks where locktype = 'advisory')"],
    // UNLISTEN takes effect at the commit: until then the channel's name can be seen, by a function that the judge refuses.
    ["a channel", "listen gossip", "select true", "select not exists (select from pg_listening_channels())"],
    ["a sequence's last value", "select nextval('counter')", "select true", "select lastval()"],
  ])("shows the next one nothing of %s", async (_, residue, ...checks) => {
    const { run, bob, pool } = harness;
    const pid = await backendOf(harness);
    await run(`select leave($residue$${residue}$residue$)`);
    for (const sql of checks) {
      const answer = run(sql, [], { session: bob });
      if (sql.includes("lastval")) await expect(answer).rejects.toMatchObject({ details: { sqlstate: "55000" } });
      else expect((await answer).rows).toEqual([["t"]]);
    }
    expect(pool.connectionCount).toBe(1);
    expect(await backendOf(harness)).toEqual(pid);
  });

  it.each([
    "set work_mem = '65kB'",
    "reset all",
    "prepare stolen as select 1",
    "listen gossip",
    "declare stolen cursor with hold for select 1",
    "do $$ begin perform 1; end $$",
    "discard plans",
    "deallocate all",
  ])("is not used again by anybody after %s", async (residue) => {
    const { run, bob } = harness;
    const pid = await backendOf(harness);
    await run(residue);
    expect(
      (await run("select count(*)::int from pg_prepared_statements where from_sql", [], { session: bob })).rows,
    ).toEqual([["0"]]);
    expect(await backendOf(harness)).not.toEqual(pid);
  });

  it("runs what the next one asks for, whatever the one before prepared under that name", async () => {
    const { run, bob } = harness;
    await run("create table items (id int)");
    for (const sql of ["create table items (id int)", "insert into items values (1)"])
      await run(sql, [], { session: bob });
    const asks = async (): Promise<unknown> => (await run("select id from items", [], { session: bob })).rows;
    expect(await asks()).toEqual([["1"]]);
    for (let number = 1; number < 10; number += 1) {
      await run(`deallocate postgate_${number}`).catch(() => undefined);
      await run(`prepare postgate_${number} as delete from items`).catch(() => undefined);
    }
    expect(await asks()).toEqual([["1"]]);
    expect(await asks()).toEqual([["1"]]);
  });

  it("is reset again as long as no transaction with the reset has committed", async () => {
    const { run, alice, bob } = harness;
    await run("select set_config('work_mem', '65kB', false)");
    await expect(run("select 1/0", [], { session: bob })).rejects.toMatchObject({ details: { sqlstate: "22012" } });
    for (const session of [bob, alice])
      expect((await run("select current_setting('work_mem') <> '65kB'", [], { session })).rows).toEqual([["t"]]);
  });

  it("does not run a statement when the reset fails", async () => {
    const { run, bob, database, login } = harness;
    await run("select 1");
    await database.query("revoke execute on function pg_advisory_unlock_all() from public");
    await expect(run("create table made ()", [], { session: bob })).resolves.toBeDefined(); // On a connection that is new.
    await database.query("grant execute on function pg_advisory_unlock_all() to public");
    expect(
      (await database.query("select count(*)::int as n from pg_stat_activity where usename = $1", [login.user]))[0],
    ).toEqual({ n: 1 });
  });

  it("is not used again with a transaction left open", async () => {
    const { run, bob } = harness;
    await run("select 1");
    const before = await backendOf(harness);
    await run("begin").catch((error: unknown) => error);
    expect((await run("select current_user like 'bob%'", [], { session: bob })).rows).toEqual([["t"]]);
    expect(await backendOf(harness)).not.toEqual(before);
  });

  it("is not used again by anybody when a session-level role has taken away the right to set the settings", async () => {
    const { run, alice, bob, database, login } = harness;
    await database.query(`revoke execute on function set_config(text, text, boolean) from public`);
    await database.query(`grant execute on function set_config(text, text, boolean) to ${login.user}`);
    await run(`select leave('set role ${alice.role ?? ""}')`);
    expect((await run("select current_user like 'bob%'", [], { session: bob })).rows).toEqual([["t"]]);
    expect((await run("select current_user like 'alice%'")).rows).toEqual([["t"]]);
  });
});
