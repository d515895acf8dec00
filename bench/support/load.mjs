// Sends the load of one run in a separate process: a fixed number of requests at a time, each sent when the one before is answered.
// The requests go over HTTP, or directly to PostgreSQL with `pg`, prepared and with a connection for each. The run ends when both the
// time and the least number of requests are reached. Reads a plan from stdin and prints its measurements.
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
  const body = JSON.stringify(scenario.statement(n));
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

/** Opens a connection that prepares the statement, unless texts come only once or are too many for one connection to keep. */
async function openDirect() {
  const client = new pg.Client(plan.connection);
  await client.connect();
  const name = scenario.isCold || scenario.tenantCount !== undefined ? "" : "bench";
  await client.query(`set search_path to ${pg.escapeIdentifier(plan.tenants[0].schema)}`);
  return (n) => {
    const { sql, params } = scenario.statement(n);
    const { schema } = plan.tenants[n % plan.tenants.length];
    const text =
      scenario.tenantCount === undefined ? sql : sql.replace("accounts", `${pg.escapeIdentifier(schema)}.accounts`);
    return client.query({ name, text, values: params, rowMode: "array" });
  };
}

const asks = await Promise.all(
  Array.from({ length: scenario.connections }, () => (plan.url === undefined ? openDirect() : askOverHttp)),
);

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
