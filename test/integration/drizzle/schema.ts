import { relations, sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  numeric,
  pgEnum,
  pgTable,
  primaryKey,
  serial,
  text,
  timestamp,
  uuid,
  varchar,
} from "drizzle-orm/pg-core";

export const role = pgEnum("role", ["admin", "member"]);

export const teams = pgTable("teams", { id: serial().primaryKey(), name: varchar({ length: 50 }).notNull().unique() });

export const users = pgTable("users", {
  id: serial().primaryKey(),
  name: text().notNull(),
  role: role().notNull().default("member"),
  teamId: integer("team_id").references(() => teams.id),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
});

export const posts = pgTable(
  "posts",
  {
    id: uuid().primaryKey().defaultRandom(),
    authorId: integer("author_id")
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    title: text().notNull(),
    tags: text()
      .array()
      .notNull()
      .default(sql`'{}'::text[]`),
    meta: jsonb().$type<{ readonly stars: number }>(),
    publishedAt: timestamp("published_at"),
  },
  (table) => [index("posts_author_idx").on(table.authorId)],
);

export const comments = pgTable("comments", {
  id: serial().primaryKey(),
  postId: uuid("post_id")
    .notNull()
    .references(() => posts.id, { onDelete: "cascade" }),
  body: text().notNull(),
  isHidden: boolean("is_hidden").notNull().default(false),
});

export const labels = pgTable("labels", { id: serial().primaryKey(), name: text().notNull() });

export const postLabels = pgTable(
  "post_labels",
  {
    postId: uuid("post_id")
      .notNull()
      .references(() => posts.id),
    labelId: integer("label_id")
      .notNull()
      .references(() => labels.id),
  },
  (table) => [primaryKey({ columns: [table.postId, table.labelId] })],
);

export const accounts = pgTable("accounts", {
  id: integer().primaryKey(),
  balance: numeric({ precision: 12, scale: 2 }).notNull(),
  visits: bigint({ mode: "bigint" }).notNull(),
});

export const transfers = pgTable("transfers", {
  id: serial().primaryKey(),
  fromId: integer("from_id").references(() => accounts.id),
  toId: integer("to_id").references(() => accounts.id),
  amount: numeric({ precision: 12, scale: 2 }).notNull(),
});

export const measurements = pgTable("measurements", { day: date().primaryKey(), value: doublePrecision() });

export const settings = pgTable("settings", { key: text().primaryKey(), value: jsonb() });

export const usersRelations = relations(users, ({ many, one }) => ({
  posts: many(posts),
  team: one(teams, { fields: [users.teamId], references: [teams.id] }),
}));
export const postsRelations = relations(posts, ({ many, one }) => ({
  author: one(users, { fields: [posts.authorId], references: [users.id] }),
  comments: many(comments),
}));
export const commentsRelations = relations(comments, ({ one }) => ({
  post: one(posts, { fields: [comments.postId], references: [posts.id] }),
}));
