// Measures how a tenant that sends 50 times its share changes another tenant's p99: without limits, with its share as the limit in its
// row, and with 50 long queries a second. The share is the rate of the quiet tenant. Each figure is the median of the rounds. The
// figures are useful only on a quiet machine, because the load itself needs CPU.
//   node bench/noisy-tenant.mjs [rounds] [requests a second that are the share]
import pg from "pg";
import { startDatabase } from "./support/database.mjs";
import { runScript, startServer } from "./support/process.mjs";

const [rounds = "3", share = "10"] = process.argv.slice(2);
const SHARE = Number(share);
const NOISE = 50;
const SECONDS = 20;
const QUICK = "SELECT id, name FROM accounts WHERE id = 1";
const LONG = "SELECT count(*) FROM generate_series(1, 200000)";

const database = await startDatabase(2);
const [quiet, noisy] = database.tenants;
const client = new pg.Client(database.connection);
await client.connect();
const server = await startServer("dist/cli/main.js", {
  DATABASE_URL: database.url,
  POSTGATE_PORT: "0",
});

const paced = (tenant, plan) =>
  runScript("bench/support/paced.mjs", { url: server.url, token: tenant.token, seconds: SECONDS, ...plan });
const round = (value) => Math.round(value * 100) / 100;
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function limit(columns) {
  await client.query(
    "update postgate_databases set requests_per_second = $2, request_burst = $3, max_concurrent_queries = $4 where id = $1",
    [noisy.id, columns.perSecond ?? null, columns.burst ?? null, columns.concurrent ?? null],
  );
  await new Promise((resolve) => setTimeout(resolve, 1_000)); // The gateway learns of the limit in this time.
}

async function measure(limits, noise) {
  const p99 = [];
  let answers = {};
  for (let n = 0; n < Number(rounds); n++) {
    await limit(limits);
    const [seen, sent] = await Promise.all([
      paced(quiet, { sql: QUICK, perSecond: SHARE }),
      noise === undefined ? undefined : paced(noisy, noise),
    ]);
    p99.push(seen.p99);
    answers = sent?.answers ?? {};
  }
  return { p99_ms: round(median(p99)), answers_to_noise: answers };
}

const flood = { sql: QUICK, perSecond: NOISE * SHARE };
const long = { sql: LONG, perSecond: NOISE };
await measure({}, undefined); // This run warms everything up.
const results = {
  quiet: await measure({}, undefined),
  flood: await measure({}, flood),
  "flood, limited to its share": await measure({ perSecond: SHARE, burst: SHARE }, flood),
  "long queries": await measure({}, long),
  "long queries, one at a time": await measure({ concurrent: 1 }, long),
};
for (const result of Object.values(results)) result.ratio = round(result.p99_ms / results.quiet.p99_ms);
process.stdout.write(`${JSON.stringify({ rounds: Number(rounds), share: SHARE, results }, undefined, 2)}\n`);
await server.stop();
await client.end();
await database.stop();
