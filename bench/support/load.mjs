// The load of one run, in a process of its own: so many requests at a time, each sent when the one before is answered. Over
// HTTP, or with `pg` straight to PostgreSQL, prepared, a connection for each. Ends when both the time and the least number of
// requests are over. Reads a plan on stdin, prints what it saw.
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import pg from "pg";
import { SCENARIOS } from "./scenarios.mjs";

const plan = JSON.parse(await text(process.stdin));
const scenario = SCENARIOS[plan.scenario];
const agent = new Agent({ keepAlive: true, maxSockets: scenario.connections });
const { hostname, port } = plan.url === undefined ? {} : new URL(plan.url);

function askOverHttp(n) {
  const { token } = plan.tenants[n % plan.tenants.length];
  const body = JSON.stringify(scenario.statement(n, plan.tenants.length));
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    const sent = request({ agent, hostname, port, method: "POST", path: "/query", headers }, (response) => {
      if (response.statusCode !== 200) {
        text(response).then((answer) => reject(new Error(answer)), reject);
        return;
      }
      response.resume().once("end", resolve).once("error", reject);
    });
    sent.once("error", reject).end(body);
  });
}

async function openDirect() {
  const client = new pg.Client({ ...plan.connection, password: "" });
  await client.connect();
  await client.query(`set search_path to ${pg.escapeIdentifier(plan.tenants[0].schema)}`);
  return client;
}

const asks =
  plan.url === undefined
    ? await Promise.all(
        Array.from({ length: scenario.connections }, async () => {
          const client = await openDirect();
          return (n) => {
            const { sql, params } = scenario.statement(n, 1);
            return client.query({ name: scenario.isCold ? "" : "bench", text: sql, values: params, rowMode: "array" });
          };
        }),
      )
    : Array.from({ length: scenario.connections }, () => askOverHttp);

const latencies = [];
let sent = plan.firstRequest;
const lastRequest = sent + plan.atLeast;
const startedAt = performance.now();
const endsAt = startedAt + plan.seconds * 1_000;
await Promise.all(
  asks.map(async (ask) => {
    while (performance.now() < endsAt || sent < lastRequest) {
      const askedAt = performance.now();
      await ask(sent++);
      latencies.push(performance.now() - askedAt);
    }
  }),
);
const elapsed = (performance.now() - startedAt) / 1_000;
latencies.sort((a, b) => a - b);
const percentile = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
process.stdout.write(
  JSON.stringify({
    requests: latencies.length,
    rate: latencies.length / elapsed,
    p50: percentile(0.5),
    p99: percentile(0.99),
  }),
);
process.exit(0);
