// What the triggers record, asked for over the login that looks tokens up. Whatever may have kept a change from being recorded must
// come out as "not known", and never as "nothing".

import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createRightsChanges } from "../../../src/auth/rights-changes.ts";
import { migrate } from "../../../src/migration/migrate.ts";
import { connect } from "../../../src/postgres/connect.ts";
import { QueryPool } from "../../../src/postgres/query-pool.ts";
import { hasCluster } from "../../support/cluster.ts";
import { useCluster } from "../../support/use-cluster.ts";
import { emptyDatabase, type Migrated, migrated, queryAs } from "../migration/support.ts";

type Find = () => Promise<ReadonlySet<string> | undefined>;

const NOTHING = new Set();
const NOT_KNOWN = undefined;
/** Each has functions and operators that another lacks. */
const VERSIONS = ([18, 14] as const).filter(hasCluster);

describe.each(VERSIONS)("changes of rights on PostgreSQL %i", (version) => {
  useCluster(version);
  let gateway: Migrated;
  let shop: string;
  let bakery: string;
  let findChanges: Find;
  let now: number;

  const change = (sql: string, params?: unknown[]): Promise<unknown> => gateway.database.query(sql, params);

  /** Of another instance; it has its first answer, which is that nothing is known. */
  async function startAsking(): Promise<Find> {
    const pool = new QueryPool({ connection: gateway.installation.auth, maxConnections: 1, timeoutMs: 5_000 });
    onTestFinished(() => pool.close());
    const findChanges = createRightsChanges(pool.query, { now: () => now });
    const find: Find = async () => (await findChanges())?.databases;
    await expect(find()).resolves.toBe(NOT_KNOWN);
    return find;
  }

  /** While transactions run that are older than the table's first row (other tests', in other databases), nothing is known. */
  const untilKnown = (find: Find): Promise<void> => expect.poll(find, { timeout: 20_000 }).toEqual(NOTHING);

  /** Ends its transaction, where it is open, with the test. */
  async function openTransaction(): Promise<(sql: string) => Promise<unknown>> {
    const client = await connect(gateway.database.connection);
    onTestFinished(() => client.end());
    await client.query("begin");
    return (sql) => client.query(sql);
  }

  beforeEach(async () => {
    now = 0;
    gateway = await migrated(await emptyDatabase(version));
    [shop, bakery] = [(await gateway.createTenant("shop")).id, (await gateway.createTenant("bakery")).id];
    await change("select create_tenant_token(id) from postgate_databases");
    await startAsking(); // The table has its first row now.
    findChanges = await startAsking();
    await untilKnown(findChanges);
  });

  it.each([
    ["a deleted token", "delete from postgate_tokens where database_id = $1"],
    ["permissions", "update postgate_tokens set allowed_operations = '{}' where database_id = $1"],
    ["a replaced token", "select rotate_tenant_token(id) from postgate_tokens where database_id = $1"],
    ["an end", "update postgate_tokens set expires_at = now() where database_id = $1"],
    [
      "a token that moved",
      `update postgate_tokens set database_id = '00000000-0000-0000-0000-000000000000', name = 'moved' where database_id = $1`,
    ],
    ["a limit", "update postgate_databases set max_rows = 1 where id = $1"],
    ["a limit of many digits", "update postgate_databases set requests_per_second = 1.0001 where id = $1"],
    ["a deleted database", "select delete_tenant_database($1)"],
    ["a column of the operator's own", "update postgate_databases set plan = 'large' where id = $1"],
  ])("tells of %s once, and of no other database", async (_, sql) => {
    await change("alter table postgate_databases add column plan text");
    await change("update postgate_databases set requests_per_second = 1 where id = $1", [shop]);
    await change(`alter database "${gateway.database.connection.database}" set extra_float_digits = -15`);
    await findChanges();
    await change(sql, [shop]);
    await expect(findChanges()).resolves.toEqual(new Set([shop]));
    await expect(findChanges()).resolves.toEqual(NOTHING);
  });

  it("says nothing of tokens that are made or used", async () => {
    await change("select create_tenant_token($1, 'more')", [shop]);
    await change("select create_tenant_database('third')");
    await change("update postgate_tokens set last_used_at = now()");
    await expect(findChanges()).resolves.toEqual(NOTHING);
    await expect(gateway.database.query("select count(*)::int from postgate_rights_changes")).resolves.toEqual([
      { count: 1 },
    ]);
  });

  it("tells of a change when it is committed, however long ago it was made, and not of one that is rolled back", async () => {
    const [late, never] = [await openTransaction(), await openTransaction()];
    await late(`delete from postgate_tokens where database_id = '${shop}'`);
    await never(`savepoint s; delete from postgate_tokens where database_id = '${bakery}'; release s`);
    await change("update postgate_databases set max_rows = 2 where id = $1", [bakery]);
    await expect(findChanges()).resolves.toEqual(new Set([bakery]));
    await expect(findChanges()).resolves.toEqual(NOTHING);
    await Promise.all([late("commit"), never("rollback")]);
    await expect(findChanges()).resolves.toEqual(new Set([shop]));
  });

  it("does not know what has changed after TRUNCATE", async () => {
    await change("truncate postgate_tokens");
    await expect(findChanges()).resolves.toBe(NOT_KNOWN);
    await expect(findChanges()).resolves.toEqual(NOTHING);
  });

  it("tells of what replication changes", async () => {
    const replicate = await openTransaction();
    await replicate("set local session_replication_role = replica");
    await replicate(`delete from postgate_tokens where database_id = '${shop}'`);
    await replicate("commit");
    await expect(findChanges()).resolves.toEqual(new Set([shop]));
  });

  it.each([
    ["switched off", "alter table postgate_tokens disable trigger user"],
    ["dropped", "drop trigger postgate_deleted on postgate_tokens"],
    ["those of a table that has parts", "create table part () inherits (postgate_tokens)"],
    ["those of another table", "alter table postgate_tokens rename to old; create view postgate_tokens as table old"],
  ])("does not know what has changed while the triggers are %s", async (_, sql) => {
    await change(sql);
    await expect(findChanges()).resolves.toBe(NOT_KNOWN);
    await expect(findChanges()).resolves.toBe(NOT_KNOWN);
  });

  it("does not know what has changed after the triggers were off for a moment, or the table was another", async () => {
    const [off, on] = ["disable", "enable always"].map(
      (verb) => `alter table postgate_tokens ${verb} trigger postgate_deleted`,
    );
    await change(`${off}; delete from postgate_tokens; ${on}`);
    await expect(findChanges()).resolves.toBe(NOT_KNOWN);
    await expect(findChanges()).resolves.toEqual(NOTHING);
    await change("alter table postgate_tokens alter allowed_operations type text[] using '{}'");
    await expect(findChanges()).resolves.toBe(NOT_KNOWN);
  });

  it("forgets changes after a minute, and says so to whoever has not seen them", async () => {
    const away = await startAsking();
    await change("update postgate_databases set max_rows = 2 where id = $1", [shop]);
    await change("delete from postgate_tokens where database_id = $1", [bakery]);
    await expect(findChanges()).resolves.toEqual(new Set([shop, bakery]));
    const count = (): Promise<unknown> => gateway.database.query("select count(*)::int from postgate_rights_changes");
    now += 30_000;
    await findChanges();
    await expect(count()).resolves.toEqual([{ count: 3 }]);
    now += 30_000;
    await findChanges(); // It forgets what was seen when it was first asked: nothing but the first row.
    now += 60_000;
    await expect(findChanges()).resolves.toEqual(NOTHING);
    await expect(count()).resolves.toEqual([{ count: 1 }]);
    await expect(away()).resolves.toBe(NOT_KNOWN);
    await expect(away()).resolves.toEqual(NOTHING);
  });

  it("works on where all tables are published, and where transactions are serializable", async () => {
    const [row] = await gateway.database.query("select current_database() as name");
    await change(`alter database "${String(row.name)}" set default_transaction_isolation = serializable`);
    await change("create publication everything for all tables");
    const [one, two] = [await startAsking(), await startAsking()];
    now += 60_000;
    await expect(Promise.all([one(), two()])).resolves.toEqual([NOTHING, NOTHING]);
    await change("delete from postgate_tokens where database_id = $1", [shop]);
    now += 60_000;
    await expect(Promise.all([one(), two()])).resolves.toEqual([new Set([shop]), new Set([shop])]);
  });

  it("is recorded again for replication after a restore of data alone, with the next start", async () => {
    await change("alter table postgate_tokens disable trigger all; alter table postgate_tokens enable trigger all");
    await expect(findChanges()).resolves.toBe(NOT_KNOWN);
    await migrate(gateway.database.connection);
    await findChanges();
    await expect(findChanges()).resolves.toEqual(NOTHING);
  });

  it("works on over rows that a dump of another server brought", async () => {
    await change(
      `truncate postgate_rights_changes; insert into postgate_rights_changes (database_id, xid) values ('${shop}', '999999999999')`,
    );
    await findChanges();
    const restored = await startAsking();
    await untilKnown(restored);
    await change("delete from postgate_tokens where database_id = $1", [bakery]);
    await expect(restored()).resolves.toEqual(new Set([bakery]));
  });

  it("works on where transactions are read-only", async () => {
    const [row] = await gateway.database.query("select current_database() as name");
    await change(`alter database "${String(row.name)}" set default_transaction_read_only = on`);
    const readOnly = await startAsking();
    await expect(readOnly()).resolves.toEqual(NOTHING);
    now += 60_000;
    await expect(readOnly()).resolves.toEqual(NOTHING);
  });

  it("is not asked for a while where the database refuses the question", async () => {
    await change("alter function postgate_rights_changes_since(text, text) rename to gone");
    await expect(findChanges()).resolves.toBe(NOT_KNOWN);
    await change("alter function gone(text, text) rename to postgate_rights_changes_since");
    await expect(findChanges()).resolves.toBe(NOT_KNOWN);
    now += 10_000;
    await expect(findChanges()).resolves.toBe(NOT_KNOWN);
    await expect(findChanges()).resolves.toEqual(NOTHING);
  });

  it.each(["exec", "auth"] as const)("lets the %s login neither read nor write what is recorded", async (login) => {
    const settings = gateway.installation[login];
    await expect(queryAs(settings, "table public.postgate_rights_changes")).rejects.toMatchObject({ code: "42501" });
    await expect(queryAs(settings, "delete from public.postgate_rights_changes")).rejects.toMatchObject({
      code: "42501",
    });
    const ask = queryAs(settings, "select from public.postgate_rights_changes_since(null)");
    if (login === "auth") await expect(ask).resolves.toHaveLength(1);
    else await expect(ask).rejects.toMatchObject({ code: "42501" });
  });
});
