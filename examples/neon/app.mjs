// Neon's HTTP driver, unmodified, on Postgate. The gateway runs with POSTGATE_NEON=on.
//
//   POSTGATE_URL=http://127.0.0.1:3000 POSTGATE_TOKEN=pg_… node examples/neon/app.mjs
//
// The token needs CREATE besides the default permissions.

import { neon, neonConfig } from "@neondatabase/serverless";

const { POSTGATE_URL, POSTGATE_TOKEN } = process.env;
// The one line that is Postgate's: where to send. Of the connection string the password counts alone: it is the token.
neonConfig.fetchEndpoint = `${POSTGATE_URL}/sql`;
const sql = neon(`postgresql://app:${POSTGATE_TOKEN}@postgate.example.com/app`);

await sql`CREATE TABLE IF NOT EXISTS reading (at timestamptz PRIMARY KEY, celsius float8 NOT NULL)`;

const at = new Date("2026-02-03T04:05:06.789Z");
const [, [{ average }]] = await sql.transaction([
  sql`INSERT INTO reading VALUES (${at}, ${21.5}) ON CONFLICT (at) DO UPDATE SET celsius = excluded.celsius`,
  sql`SELECT avg(celsius) AS average FROM reading`,
]);
console.log(`The average is ${average}`);

const [reading] = await sql`SELECT at FROM reading WHERE at = ${at}`;
console.log(`It was read at ${reading.at.toISOString()}`);

try {
  await sql`SELECT * FROM nowhere`;
} catch (error) {
  console.log(`PostgreSQL says ${error.code}: ${error.message}`);
}
