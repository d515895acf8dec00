// Compares the gateway with an empty handler, with a server that is written by hand, and with PostgreSQL alone, on one machine.
// Rounds are interleaved, so that a slower machine slows all of them. The ratios count, not the figures.
//   npm run bench -- [result.json] [--seconds=2] [--rounds=3] [--tenants=1000] [--only=INSERT] [--docs]
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startDatabase } from "./support/database.mjs";
import { cpuSeconds, runScript, startServer } from "./support/process.mjs";
import { toTable } from "./support/report.mjs";
import { SCENARIOS } from "./support/scenarios.mjs";

const POOL_SIZE = 20;
/** A server costs several times as much during its first thousands of requests, while the compiler still works. */
const WARM_UP_REQUESTS = 15_000;
/** Warms up the parts that only one scenario uses. With many tenants, each tenant sends at least one request. */
const WARM_UP_SECONDS = 2;
const path = (name) => new URL(name, import.meta.url).pathname;
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    tenants: { type: "string", default: "1000" },
    only: { type: "string" },
    docs: { type: "boolean", default: false },
  },
});
const [seconds, rounds, tenantCount] = [options.seconds, options.rounds, options.tenants].map(Number);
const say = (line) => process.stderr.write(`${line}\n`);

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};
const round = (value, digits = 1) => Number(value.toFixed(digits));
let requests = 0;

async function runOnce(scenario, { server, database, seconds, atLeast = 1 }) {
  const tenants = database.tenants.slice(0, SCENARIOS[scenario].tenantCount ?? 1);
  const target = server === undefined ? { connection: database.connection } : { url: server.url };
  const before = server === undefined ? 0 : cpuSeconds(server.pid);
  const seen = await runScript(path("support/load.mjs"), {
    scenario,
    tenants,
    seconds,
    atLeast,
    firstRequest: requests,
    ...target,
  });
  requests += seen.requests;
  const cpu = server === undefined ? undefined : ((cpuSeconds(server.pid) - before) / seen.requests) * 1e6;
  return { ...seen, cpu };
}

const spreadOf = (numbers, digits) => [Math.min(...numbers), Math.max(...numbers)].map((value) => round(value, digits));

/** Returns the median and the range of the rounds. */
function summarize(runs) {
  const summary = (key, digits) => {
    const values = runs.map((run) => run[key]);
    return { median: round(median(values), digits), spread: spreadOf(values, digits) };
  };
  return {
    requests_per_second: summary("rate", 0),
    p50_ms: summary("p50", 2),
    p99_ms: summary("p99", 2),
    ...(runs[0].cpu === undefined ? {} : { cpu_us_per_request: summary("cpu", 1) }),
  };
}

/** Returns the ratio of the two servers in the same round, where they ran seconds apart. */
function ratio(runs, [one, other], key) {
  const values = runs[one].map((run, index) => run[key] / runs[other][index][key]);
  return { median: round(median(values), 2), spread: spreadOf(values, 2) };
}

async function measure(scenario, servers, database) {
  const runs = Object.fromEntries(Object.keys(servers).map((name) => [name, []]));
  for (let time = 0; time <= rounds; time++) {
    for (const [name, server] of Object.entries(servers)) {
      const isWarmUp = time === 0;
      const run = await runOnce(scenario, {
        server,
        database,
        seconds: isWarmUp ? WARM_UP_SECONDS : seconds,
        atLeast: isWarmUp ? (SCENARIOS[scenario].tenantCount ?? 1) : 1,
      });
      if (!isWarmUp) runs[name].push(run);
    }
  }
  return {
    results: Object.fromEntries(Object.entries(runs).map(([name, each]) => [name, summarize(each)])),
    ratios: {
      cpu_gateway_to_empty: ratio(runs, ["gateway", "empty"], "cpu"),
      cpu_plain_to_gateway: ratio(runs, ["plain", "gateway"], "cpu"),
      rate_gateway_to_direct: ratio(runs, ["gateway", "direct"], "rate"),
    },
  };
}

async function startServers(database, folder) {
  const planFile = join(folder, "plan.json");
  const { connection } = database;
  await writeFile(planFile, JSON.stringify({ connection, tenants: database.tenants, poolSize: POOL_SIZE }));
  return {
    empty: await startServer(path("support/empty-server.mjs"), {}),
    plain: await startServer(path("support/plain-server.mjs"), { BENCH_PLAN: planFile }),
    gateway: await startServer(path("../dist/cli/main.js"), {
      DATABASE_URL: database.url,
      POSTGATE_PORT: "0",
      POSTGATE_POOL_SIZE: String(POOL_SIZE),
    }),
    direct: undefined,
  };
}

async function describeRun(database) {
  const read = async (file) => JSON.parse(await readFile(path(file), "utf8"));
  const version = async (name) => (await read(`../node_modules/${name}/package.json`)).version;
  return {
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      memory_gb: round(totalmem() / 2 ** 30),
      load_before: loadavg()[0],
    },
    versions: {
      postgate: (await read("../package.json")).version,
      node: process.versions.node,
      postgresql: database.version,
      fastify: await version("fastify"),
      pg: await version("pg"),
    },
    settings: { seconds, rounds, tenants: tenantCount, pool_size: POOL_SIZE },
  };
}

say(`Making ${tenantCount} tenants …`);
const folder = await mkdtemp(join(tmpdir(), "postgate-bench-plan-"));
const database = await startDatabase(tenantCount);
const report = { ...(await describeRun(database)), scenarios: {} };
const servers = await startServers(database, folder);
for (const server of Object.values(servers).filter((each) => each !== undefined))
  await runOnce("point SELECT", { server, database, seconds: 0, atLeast: WARM_UP_REQUESTS });
for (const scenario of Object.keys(SCENARIOS)) {
  if (options.only !== undefined && options.only !== scenario) continue;
  if ((SCENARIOS[scenario].tenantCount ?? 1) > tenantCount) continue;
  say(`${scenario} …`);
  report.scenarios[scenario] = await measure(scenario, servers, database);
}
for (const server of Object.values(servers)) await server?.stop();
await database.stop();
await rm(folder, { recursive: true, force: true });

const table = toTable(report);
process.stdout.write(`${table}\n`);
if (positionals[0] !== undefined) await writeFile(positionals[0], `${JSON.stringify(report, undefined, 2)}\n`);
if (options.docs) {
  const page = path("../docs/explanation/performance.md");
  const text = await readFile(page, "utf8");
  await writeFile(
    page,
    text.replace(/(<!-- bench -->\n)[^]*(<!-- end of bench -->)/, (_, start, end) => `${start}\n${table}\n\n${end}`),
  );
}
