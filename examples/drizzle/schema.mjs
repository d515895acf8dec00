// The tables, as Drizzle knows them. `drizzle-kit generate` wrote migrations/ from this file.

import { relations } from "drizzle-orm";
import { integer, numeric, pgTable, serial, text, timestamp } from "drizzle-orm/pg-core";

export const customers = pgTable("customers", {
  id: serial().primaryKey(),
  name: text().notNull().unique(),
  credit: numeric({ precision: 12, scale: 2 }).notNull().default("0"),
});

export const orders = pgTable("orders", {
  id: serial().primaryKey(),
  customerId: integer("customer_id")
    .notNull()
    .references(() => customers.id),
  total: numeric({ precision: 12, scale: 2 }).notNull(),
  placedAt: timestamp("placed_at", { withTimezone: true }).notNull().defaultNow(),
});

export const customersRelations = relations(customers, ({ many }) => ({ orders: many(orders) }));
export const ordersRelations = relations(orders, ({ one }) => ({
  customer: one(customers, { fields: [orders.customerId], references: [customers.id] }),
}));
