// Drizzle, unmodified, over both routes: through postgate/drizzle on /query, and through its own neon-http driver on /sql.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { neon, neonConfig } from "@neondatabase/serverless";
import { and, asc, count, eq, inArray, isNull, sql, sum } from "drizzle-orm";
import { drizzle as drizzleOverNeon } from "drizzle-orm/neon-http";
import { migrate as migrateOverNeon } from "drizzle-orm/neon-http/migrator";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PostgateClient } from "../../../src/client/index.ts";
import { drizzle, migrate, type PostgateDatabase } from "../../../src/drizzle/index.ts";
import { startTestGateway, type TestGateway, type TestTenant } from "../../support/gateway.ts";
import * as schema from "./schema.ts";

const { accounts, comments, labels, measurements, postLabels, posts, settings, teams, transfers, users } = schema;
const migrationsFolder = fileURLToPath(new URL("migrations", import.meta.url));

type Database = PostgateDatabase<typeof schema>;

let gateway: TestGateway;
let tenant: TestTenant;
let client: PostgateClient;
let database: Database;

beforeAll(async () => {
  gateway = await startTestGateway({ config: { neon: true } });
  neonConfig.fetchEndpoint = `${gateway.url}/sql`;
  tenant = await gateway.createTenant({ name: "drizzle" });
  client = new PostgateClient(gateway.url, tenant.token);
  database = drizzle(client, { schema });
  await migrate(client, { migrationsFolder });
});
beforeEach(() =>
  tenant.rows(
    "truncate users, posts, comments, labels, post_labels, teams, accounts, transfers, measurements restart identity",
  ),
);
afterAll(() => gateway.close());

const overNeon = (): Database =>
  drizzleOverNeon(neon(`postgresql://app:${tenant.token}@db.example.com/app`), { schema }) as unknown as Database;

describe.each([
  ["postgate/drizzle", (): Database => database],
  ["neon-http", overNeon],
])("a schema of ten tables through %s", (_, open) => {
  it("is written and read with every type that it has", async () => {
    const db = open();
    const publishedAt = new Date("2026-02-03T04:05:06.789Z");
    await db.insert(users).values({ id: 1, name: "Alice", role: "admin" });
    const [post] = await db
      .insert(posts)
      .values({ authorId: 1, title: "One", tags: ["a", "b,c"], meta: { stars: 5 }, publishedAt })
      .returning();
    expect(post).toMatchObject({ tags: ["a", "b,c"], meta: { stars: 5 }, publishedAt });
    await db.insert(accounts).values({ id: 1, balance: "12.50", visits: 9007199254740993n });
    expect(await db.select().from(accounts)).toEqual([{ id: 1, balance: "12.50", visits: 9007199254740993n }]);
    await db.insert(measurements).values({ day: "2026-02-03", value: 0.1 });
    expect(await db.select().from(measurements)).toEqual([{ day: "2026-02-03", value: 0.1 }]);
    const [user] = await db.select().from(users);
    expect(user).toMatchObject({ role: "admin", teamId: null });
    expect(user?.createdAt).toBeInstanceOf(Date);
    const [setting] = await db.select().from(settings).where(eq(settings.key, "path"));
    expect(setting?.value).toEqual({ of: '"public"."x"' });
  });

  it("is joined, filtered, grouped and ordered", async () => {
    const db = open();
    await db.insert(teams).values([{ name: "red" }, { name: "blue" }]);
    await db.insert(users).values([{ name: "a", teamId: 1 }, { name: "b", teamId: 1 }, { name: "c" }]);
    const byTeam = await db
      .select({ team: teams.name, members: count(users.id) })
      .from(teams)
      .leftJoin(users, eq(users.teamId, teams.id))
      .groupBy(teams.name)
      .orderBy(asc(teams.name));
    expect(byTeam).toEqual([
      { team: "blue", members: 0 },
      { team: "red", members: 2 },
    ]);
    expect(
      await db
        .select({ id: users.id })
        .from(users)
        .where(and(isNull(users.teamId), inArray(users.name, ["b", "c"]))),
    ).toEqual([{ id: 3 }]);
  });

  it("keeps columns of one name apart in a join", async () => {
    const db = open();
    await db.insert(teams).values({ id: 7, name: "red" });
    await db.insert(users).values({ id: 9, name: "a", teamId: 7 });
    const [row] = await db.select().from(users).innerJoin(teams, eq(users.teamId, teams.id));
    expect([row?.users.id, row?.teams.id]).toEqual([9, 7]);
  });

  it("is updated, upserted and deleted", async () => {
    const db = open();
    await db.insert(labels).values({ id: 1, name: "x" });
    await db
      .insert(labels)
      .values({ id: 1, name: "y" })
      .onConflictDoUpdate({ target: labels.id, set: { name: "z" } });
    expect(await db.update(labels).set({ name: "w" }).returning({ name: labels.name })).toEqual([{ name: "w" }]);
    expect(await db.delete(labels).returning()).toEqual([{ id: 1, name: "w" }]);
  });

  it("is queried by its relations", async () => {
    const db = open();
    await db.insert(teams).values({ id: 1, name: "red" });
    await db.insert(users).values({ id: 1, name: "a", teamId: 1 });
    const [post] = await db.insert(posts).values({ authorId: 1, title: "One" }).returning();
    await db.insert(comments).values({ postId: post?.id ?? "", body: "hi" });
    const found = await db.query.users.findMany({ with: { team: true, posts: { with: { comments: true } } } });
    expect(found).toMatchObject([
      { name: "a", team: { name: "red" }, posts: [{ title: "One", comments: [{ body: "hi" }] }] },
    ]);
  });

  it("has subqueries, CTEs and prepared queries", async () => {
    const db = open();
    await db.insert(accounts).values([1, 2, 3].map((id) => ({ id, balance: "10.00", visits: BigInt(id) })));
    const rich = db.$with("rich").as(
      db
        .select()
        .from(accounts)
        .where(sql`${accounts.visits} > ${1}`),
    );
    expect(
      await db
        .with(rich)
        .select({ total: sum(rich.balance) })
        .from(rich),
    ).toEqual([{ total: "20.00" }]);
    const prepared = db
      .select({ id: accounts.id })
      .from(accounts)
      .where(eq(accounts.id, sql.placeholder("id")))
      .prepare("p");
    expect(await prepared.execute({ id: 2 })).toEqual([{ id: 2 }]);
  });

  it("names PostgreSQL's error as the cause", async () => {
    const db = open();
    await expect(
      db.insert(postLabels).values({ postId: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", labelId: 1 }),
    ).rejects.toMatchObject({
      cause: expect.objectContaining({ message: expect.stringContaining("foreign key") as string }) as object,
    });
  });
});

describe("postgate/drizzle", () => {
  it("gives objects for what is executed raw", async () => {
    expect(await database.execute(sql`select ${1}::int as n, 'x' as v`)).toEqual([{ n: 1, v: "x" }]);
  });

  it("runs a batch in one transaction, with each builder's own results", async () => {
    await database.insert(accounts).values([1, 2].map((id) => ({ id, balance: "10.00", visits: 0n })));
    const results = await database.batch((tx) => [
      tx
        .update(accounts)
        .set({ balance: sql`${accounts.balance} - 3` })
        .where(eq(accounts.id, 1)),
      tx.insert(transfers).values({ fromId: 1, toId: 2, amount: "3.00" }).returning({ id: transfers.id }),
      tx.select({ balance: accounts.balance }).from(accounts).orderBy(accounts.id),
      tx.execute(sql`select 1 as n`),
      tx.query.accounts.findFirst({ columns: { visits: true } }),
    ]);
    expect(results.slice(1)).toEqual([
      [{ id: 1 }],
      [{ balance: "7.00" }, { balance: "10.00" }],
      [{ n: 1 }],
      { visits: 0n },
    ]);
  });

  it("undoes a batch of which one query fails, and tells which", async () => {
    const batch = database.batch((tx) => [
      tx.insert(labels).values({ name: "x" }),
      tx.insert(transfers).values({ fromId: 99, toId: 99, amount: "1" }),
    ]);
    await expect(batch).rejects.toMatchObject({
      message: expect.stringContaining('insert into "transfers"') as string,
      cause: { code: "DATABASE_ERROR", statement: 1, sqlstate: "23503" },
    });
    expect(await database.select().from(labels)).toEqual([]);
  });

  it("refuses a query of a batch that was made elsewhere", async () => {
    await expect(database.batch(() => [database.select().from(labels)])).rejects.toThrow(
      "was not made with the database",
    );
  });

  it("may be an empty batch", async () => {
    expect(await database.batch(() => [])).toEqual([]);
  });

  it("has no interactive transactions, and says so", async () => {
    await expect(database.transaction(() => Promise.resolve())).rejects.toThrow(/not supported/);
  });
});

describe("neon-http", () => {
  const open = () => drizzleOverNeon(neon(`postgresql://app:${tenant.token}@db.example.com/app`), { schema });

  it("runs its own batch in one transaction", async () => {
    const db = open();
    const [made, found] = await db.batch([
      db.insert(labels).values({ name: "x" }).returning(),
      db.query.labels.findMany({ columns: { name: true } }),
    ]);
    expect([made, found]).toEqual([[{ id: 1, name: "x" }], [{ name: "x" }]]);
    const failing = db.batch([
      db.insert(labels).values({ name: "y" }),
      db.insert(transfers).values({ fromId: 99, toId: 99, amount: "1" }),
    ]);
    await expect(failing).rejects.toMatchObject({ code: "23503", table: "transfers" });
    expect(await db.$count(labels)).toBe(1);
  });

  it("has no interactive transactions, and cannot make the schema of its migrator", async () => {
    await expect(open().transaction(() => Promise.resolve())).rejects.toThrow(
      "No transactions support in neon-http driver",
    );
    await expect(migrateOverNeon(open(), { migrationsFolder })).rejects.toMatchObject({
      cause: { code: "0A000", message: "Unsupported statement type: CREATE SCHEMA" },
    });
  });
});

describe("migrate", () => {
  const fresh = async (): Promise<{ tenant: TestTenant; client: PostgateClient }> => {
    const made = await gateway.createTenant();
    return { tenant: made, client: new PostgateClient(gateway.url, made.token) };
  };
  const ledger = 'select created_at from "__drizzle_migrations" order by created_at';

  it("keeps its ledger in the tenant's own schema, and applies a migration once", async () => {
    const { tenant: own, client: to } = await fresh();
    await migrate(to, { migrationsFolder });
    await migrate(to, { migrationsFolder });
    expect(await own.rows(ledger)).toEqual([{ created_at: 1760000000000 }, { created_at: 1760000001000 }]);
    expect(await own.rows("select count(*)::int as n from postgate_helpers.list_tables()")).toEqual([{ n: 11 }]);
  });

  it("applies every migration once when several migrate at the same time", async () => {
    const { tenant: own, client: to } = await fresh();
    await Promise.allSettled([1, 2, 3].map(() => migrate(to, { migrationsFolder })));
    await migrate(to, { migrationsFolder });
    expect(await own.rows(ledger)).toHaveLength(2);
    expect(await own.rows("select count(*)::int as n from settings")).toEqual([{ n: 1 }]);
  });

  it("changes nothing by a migration that fails, and goes on where it stopped", async () => {
    const folder = mkdtempSync(join(tmpdir(), "postgate-drizzle-"));
    cpSync(migrationsFolder, folder, { recursive: true });
    const second = join(folder, "0001_second.sql");
    const good = readFileSync(second, "utf8");
    writeFileSync(second, `${good}--> statement-breakpoint\nCREATE TABLE "users" ("id" int);`);
    const { tenant: own, client: to } = await fresh();
    await expect(migrate(to, { migrationsFolder: folder })).rejects.toMatchObject({ sqlstate: "42P07" });
    expect(await own.rows(ledger)).toHaveLength(1);
    expect(await own.rows("select count(*)::int as n from settings")).toEqual([{ n: 0 }]);
    writeFileSync(second, good);
    await migrate(to, { migrationsFolder: folder });
    expect(await own.rows(ledger)).toHaveLength(2);
    rmSync(folder, { recursive: true });
  });
});
