// Measures how many look-ups a second busy tokens cause in one instance, and their cost, including the sender's. It compares recorded
// changes with unrecorded ones, where the gateway keeps a token's rights for half a second. Prints JSON.
//   node bench/token-lookups.mjs [tokens] [seconds] [recorded | unrecorded]
import { createHash } from "node:crypto";
import pg from "pg";
import { cachePrincipals } from "../dist/auth/principal-cache.js";
import { createPrincipalStore } from "../dist/auth/principal-store.js";
import { createRightsChanges } from "../dist/auth/rights-changes.js";
import { QueryPool } from "../dist/postgres/query-pool.js";
import { startDatabase } from "./support/database.mjs";

const [tokenCount = "1000", seconds = "10", recorded = "recorded"] = process.argv.slice(2);
const PACE_MS = 100;

const database = await startDatabase(1);
const client = new pg.Client(database.connection);
await client.connect();
const { rows } = await client.query(
  "select (public.create_tenant_token($1, 'token ' || n)).token from generate_series(1, $2::int) n",
  [database.tenants[0].id, Number(tokenCount)],
);
const hashes = rows.map(({ token }) => createHash("sha256").update(token).digest("hex"));
const pool = new QueryPool({ connection: database.connection, maxConnections: 2, timeoutMs: 5_000 });
const find = createPrincipalStore(pool.query, {
  keys: { current: undefined, old: undefined },
  areChangesRecorded: recorded === "recorded",
});
const times = [];
const { load } = cachePrincipals({
  findChanges: recorded === "recorded" ? createRightsChanges(pool.query) : undefined,
  async load(hash) {
    const askedAt = performance.now();
    const found = await find(hash);
    times.push(performance.now() - askedAt);
    return found;
  },
});

/** Uses every token ten times a second, each at a different moment. */
async function use(hash, until) {
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 1_000));
  while (performance.now() < until) {
    await load(hash);
    await new Promise((resolve) => setTimeout(resolve, PACE_MS));
  }
}

await Promise.all(hashes.map((hash) => use(hash, performance.now() + 2_000))); // This run warms everything up.
times.length = 0;
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
await Promise.all(hashes.map((hash) => use(hash, startedAt + Number(seconds) * 1_000)));
const elapsed = (performance.now() - startedAt) / 1_000;
const { user, system } = process.cpuUsage(cpuBefore);
times.sort((a, b) => a - b);
process.stdout.write(
  `${JSON.stringify({
    tokens: hashes.length,
    lookups_per_second: Math.round(times.length / elapsed),
    p50_ms: times[Math.floor(times.length * 0.5)],
    p99_ms: times[Math.floor(times.length * 0.99)],
    cpu_ms_per_second: Math.round((user + system) / 1_000 / elapsed),
  })}\n`,
);
await pool.close();
await client.end();
await database.stop();
