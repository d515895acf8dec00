// The judge refuses all of these statements. Here they are taken for approved: one statement of a batch must not decide as
// whom the next one runs, nor commit anything before the batch has come to its end.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Session } from "../../../src/execution/session.ts";
import { hasCluster } from "../../support/cluster.ts";
import { type Harness, startHarness, type TestStatement } from "./harness.ts";

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));
const READ_BOB = "select secret from bob.secrets";
const REFUSED = expect.stringMatching(/^(?:DATABASE|INTERNAL)_ERROR$/) as string;

/** `$bob` is Bob's role, `$login` the login. Each leaves something behind that the next statement could use. */
const TAKES_ANOTHER_ROLE = [
  ["SET ROLE", "set role $bob"],
  ["SET LOCAL ROLE", "set local role $bob"],
  ["RESET ROLE", "reset role"],
  ["RESET ALL", "reset all"],
  ["DISCARD ALL", "discard all"],
  ["SET SESSION AUTHORIZATION", "set session authorization $login"],
  ["COMMIT", "commit"],
  ["ROLLBACK", "rollback"],
  ["ROLLBACK AND CHAIN", "rollback and chain"],
  ["BEGIN", "begin"],
  ["SAVEPOINT", "savepoint s"],
  ["DO", "do $$ begin set role $bob; end $$"],
  ["CALL", "call take_role()"],
  ["PREPARE", "prepare p as select 1"],
  ["LISTEN", "listen gossip"],
] as const;

const HIDES_IT = [
  ["set_config", "select set_config('role', '$bob', false)"],
  ["set_config for the transaction", "select set_config('role', '$bob', true)"],
  ["a function", "select leave('set role $bob')"],
  ["a function that resets", "select leave('reset role')"],
  ["a function that changes the search_path", "select leave('set search_path = bob')"],
  ["a data-modifying CTE", "with t as (insert into notes values (7) returning leave('set role $bob')) select * from t"],
] as const;

describe.each(VERSIONS)("the statements of one batch on PostgreSQL %i", (version) => {
  let harness: Harness;
  let readOnly: Session;
  beforeAll(async () => {
    harness = await startHarness(version, { maxConnections: 1 });
    const { run, bob, alice, database } = harness;
    await run("create table secrets (secret text)", [], { session: bob });
    await run("create table notes (id int)");
    await database.query(
      "create function alice.leave(s text) returns int language plpgsql as 'begin execute s; return 1; end'",
    );
    await database.query(fill("create procedure alice.take_role() language plpgsql as 'begin set role $bob; end'"));
    await database.query("grant usage on schema alice, bob to public");
    readOnly = { ...alice, key: "alice reads", readOnly: true };
  });
  beforeEach(async () => {
    await harness.database.query("truncate bob.secrets, alice.notes");
    await harness.database.query("insert into bob.secrets values ('canary')");
  });
  afterAll(() => harness.close());

  const fill = (sql: string): string =>
    sql.replaceAll("$bob", harness.bob.role ?? "").replaceAll("$login", harness.login.user);
  const batch = (sqls: readonly string[], session = harness.alice): Promise<unknown> =>
    harness.runBatch(
      sqls.map((sql): TestStatement => [fill(sql), [], { returnsRows: /^(select|with)/.test(sql), writes: true }]),
      { session },
    );
  const rowsOf = async (table: string): Promise<unknown> =>
    (await harness.database.query(`select count(*)::int as n from ${table}`))[0]?.n;
  const expectNothingChanged = async (): Promise<void> => {
    expect({ bob: await rowsOf("bob.secrets"), alice: await rowsOf("alice.notes") }).toEqual({ bob: 1, alice: 0 });
  };

  it.each(TAKES_ANOTHER_ROLE)("read nothing of another tenant after %s", async (_, sql) => {
    for (const session of [harness.alice, readOnly])
      await expect(batch([sql, READ_BOB], session)).rejects.toMatchObject({ code: REFUSED });
    await expectNothingChanged();
  });

  it.each(TAKES_ANOTHER_ROLE)("change nothing of another tenant between %s and COMMIT", async (_, sql) => {
    await expect(batch([sql, "delete from bob.secrets", "commit"])).rejects.toMatchObject({ code: REFUSED });
    await expect(batch(["begin", sql, "delete from bob.secrets", "commit"])).rejects.toMatchObject({ code: REFUSED });
    await expectNothingChanged();
  });

  it.each(TAKES_ANOTHER_ROLE)("commit nothing of their own before and after %s", async (_, sql) => {
    await expect(batch(["select 1", sql, "insert into notes values (1)"])).rejects.toMatchObject({ code: REFUSED });
    if (sql !== "commit")
      await expect(batch(["insert into notes values (1)", sql])).rejects.toMatchObject({ code: REFUSED });
    await expectNothingChanged();
  });

  it.each(HIDES_IT)("run as their own role after %s", async (_, sql) => {
    await expect(batch([sql, READ_BOB])).rejects.toMatchObject({ details: { sqlstate: "42501", statement: 1 } });
    await expect(batch([sql, "delete from bob.secrets", "commit"])).rejects.toMatchObject({ code: REFUSED });
    await expectNothingChanged();
    const who = await harness.runBatch([[fill(sql)], ["select current_user = $1", [harness.alice.role]]]);
    expect(who[1]?.rows).toEqual([["t"]]);
  });

  it.each([
    ["SET TRANSACTION READ WRITE", ["set transaction read write"]],
    ["a setting", ["set transaction_read_only = off"]],
    ["set_config", ["select set_config('transaction_read_only', 'off', true)"]],
    ["COMMIT", ["commit"]],
    ["COMMIT and BEGIN", ["commit", "begin read write"]],
    ["COMMIT AND CHAIN", ["commit and chain"]],
    ["the session's default", ["set session characteristics as transaction read write", "commit"]],
  ])("write nothing for a read-only token after %s", async (_, sqls) => {
    for (const end of [[], ["commit"]])
      await expect(batch([...sqls, "insert into alice.notes values (1)", ...end], readOnly)).rejects.toMatchObject({
        code: REFUSED,
      });
    await expectNothingChanged();
  });

  it.each(["postgate_settings", "postgate_reset_role", "postgate_rights"])(
    "run as their own role, whatever was prepared under the name %s",
    async (name) => {
      const steps = [`prepare ${name} as select 1`, "set role $bob", "delete from bob.secrets", "commit"];
      await expect(batch(steps)).rejects.toMatchObject({ code: REFUSED });
      await expect(batch(["deallocate all", ...steps])).rejects.toMatchObject({ code: REFUSED });
      await expectNothingChanged();
    },
  );

  it("leave a session that nobody uses again, when one of them was for the session", async () => {
    const { run, bob, database, login } = harness;
    const pids = (): Promise<unknown> =>
      database.query("select pid from pg_stat_activity where usename = $1", [login.user]);
    await run("select 1");
    const before = await pids();
    await batch(["set work_mem = '65kB'", "select 1"]).catch(() => undefined);
    expect((await run("select current_setting('work_mem') <> '65kB'", [], { session: bob })).rows).toEqual([["t"]]);
    expect(await pids()).not.toEqual(before);
  });

  it("all run, and are committed, where they are honest", async () => {
    const results = await harness.runBatch([
      ["create table made (id int primary key, name text)"],
      ["insert into made values ($1, $2), (2, 'b') returning id", [1, "a"]],
      ["update made set name = $1", ["c"]],
      ["with gone as (delete from made where id = any($1) returning id) select * from gone", [[2]]],
      ["explain select * from made"],
      ["create index on made (name)"],
      ["alter table made add column more jsonb"],
      ["create table copied as select * from made"],
      ["create materialized view seen as select * from made"],
      ["refresh materialized view seen"],
      ["truncate notes"],
      ["select id, name from made"],
      ["drop table made, copied cascade"],
    ]);
    expect(results.map(({ rowCount }) => rowCount)).toEqual([0, 2, 2, 1, expect.any(Number), 0, 0, 1, 1, 0, 0, 1, 0]);
    expect(results[11]?.rows).toEqual([["1", "c"]]);
  });

  afterEach(() => harness.run("drop table if exists made, copied cascade"));
});
