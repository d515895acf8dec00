// A hundred tenants, each with a database and a token of its own. What is there already stays as it is.
//
//   POSTGATE_URL=http://127.0.0.1:3000 POSTGATE_ADMIN_TOKEN=pg_… node examples/admin/make-tenants.mjs > tokens.csv
//
// Standard output gets a line `name,database,token` for each token that was made, and shows it this once; progress goes
// to standard error. Keep the file as you keep passwords.

import { PostgateAdminClient } from "postgate/client";

const NAMES = Array.from({ length: 100 }, (_, index) => `customer-${String(index + 1).padStart(3, "0")}`);
const TOKEN_NAME = "app";
const AT_ONE_TIME = 4;

const admin = new PostgateAdminClient(process.env.POSTGATE_URL, process.env.POSTGATE_ADMIN_TOKEN);

const { rows: there } = await admin.query(
  `SELECT d.id, d.name, t.id IS NOT NULL AS has_token
   FROM postgate_databases AS d LEFT JOIN postgate_tokens AS t ON t.database_id = d.id AND t.name = $1
   WHERE d.name = ANY ($2)`,
  [TOKEN_NAME, NAMES],
);
const tenants = new Map(there.map((tenant) => [tenant.name, tenant]));

async function makeTenant(name) {
  const tenant = tenants.get(name) ?? { ...(await admin.createDatabase(name)).rows[0], has_token: false };
  if (tenant.has_token) return;
  const { rows } = await admin.createToken(tenant.id, TOKEN_NAME);
  console.log([name, tenant.id, rows[0].token].join(","));
}

let done = 0;
const waiting = NAMES.values(); // Shared: each worker takes the next one.
async function work() {
  for (const name of waiting) {
    await makeTenant(name);
    done += 1;
    if (done % 10 === 0) console.error(`${done} of ${NAMES.length} tenants`);
  }
}
await Promise.all(Array.from({ length: AT_ONE_TIME }, work));
