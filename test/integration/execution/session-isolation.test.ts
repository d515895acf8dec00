// The judge refuses all of these statements. Here they are taken for approved: what one session leaves behind must be gone
// for the next one on the same connection.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasCluster } from "../../support/cluster.ts";
import { type Harness, startHarness } from "./harness.ts";

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));

describe.each(VERSIONS)("a connection that changes its session on PostgreSQL %i", (version) => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await startHarness(version);
    await harness.run("create sequence counter");
    await harness.database.query("grant usage on schema alice, bob to public");
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
    await run(residue);
    for (const sql of checks) {
      const answer = run(sql, [], { session: bob });
      if (sql.includes("lastval")) await expect(answer).rejects.toMatchObject({ details: { sqlstate: "55000" } });
      else expect((await answer).rows).toEqual([["t"]]);
    }
    expect(pool.connectionCount).toBe(1);
  });

  it("is reset again as long as no transaction with the reset has committed", async () => {
    const { run, alice, bob } = harness;
    await run("set work_mem = '65kB'");
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
    const { run, bob, database, login } = harness;
    const pid = async (): Promise<unknown> =>
      (await database.query("select pid from pg_stat_activity where usename = $1", [login.user])) as unknown[];
    await run("select 1");
    const before = await pid();
    await run("begin").catch((error: unknown) => error);
    expect((await run("select current_user like 'bob%'", [], { session: bob })).rows).toEqual([["t"]]);
    expect(await pid()).not.toEqual(before);
  });

  it("is not used again by anybody when a session-level role has taken away the right to set the settings", async () => {
    const { run, alice, bob, database, login } = harness;
    await database.query(`revoke execute on function set_config(text, text, boolean) from public`);
    await database.query(`grant execute on function set_config(text, text, boolean) to ${login.user}`);
    await run(`set role ${alice.role ?? ""}`);
    expect((await run("select current_user like 'bob%'", [], { session: bob })).rows).toEqual([["t"]]);
    expect((await run("select current_user like 'alice%'")).rows).toEqual([["t"]]);
  });
});
