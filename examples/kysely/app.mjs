// Kysely over Postgate: its Migrator, a join with JSON, and a batch in place of a transaction.
//
//   POSTGATE_URL=http://127.0.0.1:3000 POSTGATE_TOKEN=pg_… node examples/kysely/app.mjs
//
// The token needs CREATE, ALTER and DROP besides the default permissions.

import { Kysely, Migrator, sql } from "kysely";
import { jsonArrayFrom } from "kysely/helpers/postgres";
import { PostgateClient } from "postgate/client";
import { batch, PostgateDialect } from "postgate/kysely";

const client = new PostgateClient(process.env.POSTGATE_URL, process.env.POSTGATE_TOKEN);
const db = new Kysely({ dialect: new PostgateDialect({ client }) });

const migrations = {
  "2026-02-03_library": {
    // The statements of a migration in one batch: all of them, or none.
    up: (to) =>
      batch(to, [
        to.schema
          .createTable("author")
          .addColumn("id", "serial", (column) => column.primaryKey())
          .addColumn("name", "text", (column) => column.notNull().unique()),
        to.schema
          .createTable("book")
          .addColumn("id", "bigserial", (column) => column.primaryKey())
          .addColumn("author_id", "integer", (column) => column.notNull().references("author.id"))
          .addColumn("title", "text", (column) => column.notNull())
          .addColumn("lent", "integer", (column) => column.notNull().defaultTo(0))
          .addUniqueConstraint("one_title", ["author_id", "title"]),
      ]),
  },
};
const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
const { error } = await migrator.migrateToLatest();
if (error !== undefined) throw error;

const author = await db
  .insertInto("author")
  .values({ name: "Ada" })
  .onConflict((conflict) => conflict.column("name").doUpdateSet({ name: "Ada" }))
  .returning("id")
  .executeTakeFirstOrThrow();

// One transaction, at the strictest level: both queries, or neither.
const [, lent] = await batch(
  db,
  [
    db
      .insertInto("book")
      .values(["Notes", "Letters"].map((title) => ({ author_id: author.id, title })))
      .onConflict((conflict) => conflict.constraint("one_title").doNothing()),
    db
      .updateTable("book")
      .set({ lent: sql`lent + 1` })
      .where("title", "=", "Notes"),
  ],
  { isolation: "serializable" },
);
console.log(`${lent.numAffectedRows} book was lent`);

const shelves = await db
  .selectFrom("author")
  .select((eb) => [
    "name",
    jsonArrayFrom(
      eb.selectFrom("book").select("title").whereRef("book.author_id", "=", "author.id").orderBy("title"),
    ).as("books"),
  ])
  .execute();
for (const { name, books } of shelves) console.log(`${name}: ${books.map(({ title }) => title).join(", ")}`);
