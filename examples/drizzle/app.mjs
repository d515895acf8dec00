// Drizzle over Postgate: migrations, relations, and a batch in place of a transaction.
//
//   POSTGATE_URL=http://127.0.0.1:3000 POSTGATE_TOKEN=pg_… node examples/drizzle/app.mjs
//
// The token needs CREATE, ALTER and DROP besides the default permissions.

import { fileURLToPath } from "node:url";
import { eq, sql } from "drizzle-orm";
import { PostgateClient } from "postgate/client";
import { drizzle, migrate } from "postgate/drizzle";
import * as schema from "./schema.mjs";

const { customers, orders } = schema;
const client = new PostgateClient(process.env.POSTGATE_URL, process.env.POSTGATE_TOKEN);

await migrate(client, { migrationsFolder: fileURLToPath(new URL("migrations", import.meta.url)) });

const db = drizzle(client, { schema });
const [acme] = await db
  .insert(customers)
  .values({ name: "ACME", credit: "100.00" })
  .onConflictDoUpdate({ target: customers.name, set: { credit: "100.00" } })
  .returning();

// One transaction: the order and what it costs the customer, or neither.
const [[order]] = await db.batch((tx) => [
  tx.insert(orders).values({ customerId: acme.id, total: "19.90" }).returning(),
  tx
    .update(customers)
    .set({ credit: sql`${customers.credit} - 19.90` })
    .where(eq(customers.id, acme.id)),
]);
console.log(`ACME has ordered for ${order.total}`);

const found = await db.query.customers.findFirst({ with: { orders: true }, where: eq(customers.id, acme.id) });
const isToday = found.orders.every(({ placedAt }) => placedAt instanceof Date);
console.log(`ACME has ${found.credit} left, and dates are dates: ${isToday}`);
