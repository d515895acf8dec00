// What Kysely does to a schema, and what it learns of one: its schema builder, introspection and Migrator on a live gateway.

import { type Kysely, Kysely as Database, type Migration, Migrator, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PostgateClient } from "../../../src/client/index.ts";
import { batch, PostgateDialect } from "../../../src/kysely/index.ts";
import { startTestGateway, type TestGateway, type TestTenant } from "../../support/gateway.ts";

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as migrations have it: of tables that come and go
type Db = Kysely<any>;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

interface Fresh {
  readonly db: Db;
  readonly tenant: TestTenant;
}

async function fresh(migrationLockTimeoutMs?: number): Promise<Fresh> {
  const tenant = await gateway.createTenant();
  return { tenant, db: open(tenant, migrationLockTimeoutMs) };
}

function open({ token }: TestTenant, migrationLockTimeoutMs?: number): Db {
  const client = new PostgateClient(gateway.url, token);
  const options = migrationLockTimeoutMs === undefined ? {} : { migrationLockTimeoutMs };
  return new Database({ dialect: new PostgateDialect({ client, ...options }) });
}

const makeTable = (db: Db, name: string): Promise<void> =>
  db.schema
    .createTable(name)
    .addColumn("id", "serial", (column) => column.primaryKey())
    .addColumn("name", "text")
    .execute();

describe("the schema builder", () => {
  it("creates, alters, renames and drops tables", async () => {
    const { db } = await fresh();
    await makeTable(db, "thing");
    await db.schema
      .alterTable("thing")
      .addColumn("size", "integer", (column) => column.notNull().defaultTo(1))
      .alterColumn("name", (column) => column.setNotNull())
      .execute();
    await db.schema.alterTable("thing").renameColumn("name", "title").execute();
    await db.schema.alterTable("thing").renameTo("item").execute();
    await db.schema.alterTable("item").addUniqueConstraint("one_title", ["title"]).execute();
    await db.insertInto("item").values({ title: "a" }).execute();
    expect(await db.selectFrom("item").selectAll().execute()).toEqual([{ id: 1, title: "a", size: 1 }]);
    await expect(db.insertInto("item").values({ title: "a" }).execute()).rejects.toMatchObject({
      constraint: "one_title",
    });
    await db.schema.alterTable("item").dropConstraint("one_title").execute();
    await db.schema.alterTable("item").dropColumn("size").execute();
    await db.schema.dropTable("item").execute();
    await db.schema.dropTable("item").ifExists().execute();
    expect(await db.introspection.getTables()).toEqual([]);
  });

  it("creates indexes, views, materialized views, types and tables of queries", async () => {
    const { db } = await fresh();
    await makeTable(db, "thing");
    await db.schema
      .createIndex("thing_name")
      .ifNotExists()
      .on("thing")
      .using("btree")
      .expression(sql`lower(name)`)
      .where(sql<boolean>`id > 0`)
      .execute();
    await db.schema
      .createView("named")
      .as(db.selectFrom("thing").select("name").where("name", "is not", null))
      .execute();
    await db.schema.createView("kept").materialized().as(db.selectFrom("thing").select("id")).execute();
    await db.schema.refreshMaterializedView("kept").execute();
    await db.schema.createType("size").asEnum(["small", "large"]).execute();
    await db.schema.createTable("copied").as(db.selectFrom("thing").selectAll()).execute();
    await db
      .insertInto("thing")
      .values([{ name: "a" }, { name: null }])
      .execute();
    expect(await db.selectFrom("named").selectAll().execute()).toEqual([{ name: "a" }]);
    expect(await db.selectFrom("kept").selectAll().execute()).toEqual([]);
    await db.schema.dropView("kept").materialized().execute();
    await db.schema.dropView("named").execute();
    await db.schema.dropIndex("thing_name").execute();
    await db.schema.dropType("size").execute();
  });

  it("makes no schema of its own", async () => {
    const { db } = await fresh();
    await expect(db.schema.createSchema("other").execute()).rejects.toMatchObject({
      reason: "STATEMENT_NOT_SUPPORTED",
    });
  });
});

describe("the introspection", () => {
  it("tells the own schema's tables and columns", async () => {
    const { db } = await fresh();
    await sql`create type mood as enum ('happy', 'sad')`.execute(db);
    await sql`create table "Odd name" (
      id bigserial primary key, "a b" varchar(5) not null default 'x', tags text[], mood mood, at timestamptz)`.execute(
      db,
    );
    await sql`create table none ()`.execute(db);
    const column = { isNullable: true, hasDefaultValue: false, isAutoIncrementing: false };
    expect(await db.introspection.getTables()).toEqual([
      {
        name: "Odd name",
        isView: false,
        isForeign: false,
        columns: [
          {
            ...column,
            name: "id",
            dataType: "bigint",
            isNullable: false,
            hasDefaultValue: true,
            isAutoIncrementing: true,
          },
          { ...column, name: "a b", dataType: "character varying", isNullable: false, hasDefaultValue: true },
          { ...column, name: "tags", dataType: "ARRAY" },
          { ...column, name: "mood", dataType: "USER-DEFINED" },
          { ...column, name: "at", dataType: "timestamp with time zone" },
        ],
      },
      { name: "none", isView: false, isForeign: false, columns: [] },
    ]);
  });

  it("tells nothing of others, and of the schema its name alone", async () => {
    const { db: other } = await fresh();
    await makeTable(other, "theirs");
    const { db } = await fresh();
    expect(await db.introspection.getTables()).toEqual([]);
    expect(await db.introspection.getSchemas()).toEqual([
      { name: expect.stringMatching(/^tenant_[0-9a-f]{32}_/) as string },
    ]);
  });

  it("has more columns than a query may have rows", async () => {
    const { id, token } = await gateway.createTenant({ maxRows: 1 });
    const db = open(await gateway.tenantOf(id));
    expect(token).not.toBe("");
    await makeTable(db, "one");
    await makeTable(db, "two");
    expect(await db.introspection.getTables()).toHaveLength(2);
  });
});

describe("the Migrator", () => {
  const migrations: Record<string, Migration> = {
    "1_things": {
      up: (db: Db) => makeTable(db, "thing"),
      down: (db: Db) => db.schema.dropTable("thing").execute(),
    },
    "2_sizes": {
      up: async (db: Db) => {
        await batch(db, [
          db.schema.alterTable("thing").addColumn("size", "integer"),
          db.insertInto("thing").values({ name: "first", size: 1 }),
        ]);
      },
      down: (db: Db) => db.schema.alterTable("thing").dropColumn("size").execute(),
    },
  };
  const migratorOf = (db: Db, all = migrations): Migrator =>
    new Migrator({ db, provider: { getMigrations: () => Promise.resolve(all) } });
  const lockOf = (db: Db): Promise<unknown> =>
    db.selectFrom("kysely_migration_lock").select("is_locked").executeTakeFirst();

  it("migrates up, once, and down", async () => {
    const { db } = await fresh();
    const { error, results } = await migratorOf(db).migrateToLatest();
    expect([error, results?.map(({ status }) => status)]).toEqual([undefined, ["Success", "Success"]]);
    expect(await migratorOf(db).migrateToLatest()).toEqual({ results: [] });
    expect(await db.selectFrom("thing").select(["name", "size"]).execute()).toEqual([{ name: "first", size: 1 }]);
    expect((await db.introspection.getTables()).map(({ name }) => name)).toEqual(["thing"]);
    expect((await migratorOf(db).migrateDown()).results).toMatchObject([
      { migrationName: "2_sizes", status: "Success" },
    ]);
    expect(await migratorOf(db).getMigrations()).toMatchObject([
      { executedAt: expect.any(Date) as Date },
      { executedAt: undefined },
    ]);
    expect(await lockOf(db)).toEqual({ is_locked: 0 });
  });

  it("applies every migration once when several run at the same time", async () => {
    const { db, tenant } = await fresh();
    const outcomes = await Promise.all(
      [db, open(tenant), open(tenant)].map((each) => migratorOf(each).migrateToLatest()),
    );
    expect(outcomes.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
    expect(await db.selectFrom("thing").select("id").execute()).toEqual([{ id: 1 }]);
  });

  it("gives the lock back after a migration that failed, and keeps those before it", async () => {
    const { db } = await fresh();
    const broken = { ...migrations, "3_broken": { up: (each: Db) => makeTable(each, "thing") } };
    const { error, results } = await migratorOf(db, broken).migrateToLatest();
    expect(error).toMatchObject({ sqlstate: "42P07" });
    expect(results?.map(({ status }) => status)).toEqual(["Success", "Success", "Error"]);
    expect(await lockOf(db)).toEqual({ is_locked: 0 });
  });

  it("changes nothing while another holds the lock, tells how to end that, and leaves the lock to its holder", async () => {
    const { db, tenant } = await fresh(0);
    await migratorOf(db, {}).migrateToLatest(); // Makes the tables of the lock and of the ledger.
    await db.updateTable("kysely_migration_lock").set({ is_locked: 1 }).execute();
    const { error } = await migratorOf(db).migrateToLatest();
    const [, remedy = ""] = /without giving it back: (.*)/.exec(String(error)) ?? [];
    expect(await lockOf(db)).toEqual({ is_locked: 1 });
    expect(await db.introspection.getTables()).toEqual([]);
    await tenant.rows(remedy);
    expect((await migratorOf(db).migrateToLatest()).error).toBeUndefined();
  });

  it("waits for the lock", async () => {
    const { db, tenant } = await fresh();
    await migratorOf(db, {}).migrateToLatest();
    await db.updateTable("kysely_migration_lock").set({ is_locked: 1 }).execute();
    let attempts = 0;
    const counting: typeof fetch = (input, init) => {
      if ((init?.body as string).includes('update \\"kysely_migration_lock')) attempts++;
      return fetch(input, init);
    };
    const client = new PostgateClient(gateway.url, tenant.token, { fetch: counting });
    const migrating = migratorOf(new Database({ dialect: new PostgateDialect({ client }) })).migrateToLatest();
    await expect.poll(() => attempts, { interval: 20 }).toBeGreaterThan(1);
    expect(await db.introspection.getTables()).toEqual([]);
    await tenant.rows("update kysely_migration_lock set is_locked = 0");
    expect((await migrating).error).toBeUndefined();
  });
});
