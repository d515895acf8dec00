// Measures how 2,000 hostile texts of one tenant, four at a time, delay /health and another tenant's point query. Prints JSON with
// times in milliseconds. It needs a running gateway and a token of each of two databases:
//   node bench/hostile-texts-over-http.mjs <gateway URL> <honest token> <hostile token> [texts]
import { setTimeout as sleep } from "node:timers/promises";

import { HOSTILE } from "./hostile-shapes.mjs";

const [url, honest, hostile, total = "2000"] = process.argv.slice(2);
const TOTAL = Number(total);
const QUIET_MS = 10_000;
const texts = Object.values(HOSTILE);

const percentile = (values, share) => values.sort((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;
const round = (value) => Math.round(value * 100) / 100;

async function query(token, sql) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(`${url}/query`, { method: "POST", headers, body: JSON.stringify({ sql }) });
  const body = await response.json();
  return body.reason ?? body.code ?? response.status;
}

async function timed(times, run) {
  const started = performance.now();
  await run();
  times.push(performance.now() - started);
}

/** Sends a request of each kind every 20 ms until `done` resolves. */
async function observe(done) {
  const health = [];
  const point = [];
  let isOver = false;
  void done.then(() => (isOver = true));
  while (!isOver) {
    await timed(health, async () => (await fetch(`${url}/health`)).arrayBuffer());
    await timed(point, () => query(honest, "SELECT 1 AS one WHERE 1 = 1"));
    await sleep(20);
  }
  const summary = (times) => ({
    count: times.length,
    p50: round(percentile(times, 0.5)),
    p99: round(percentile(times, 0.99)),
  });
  return { health: summary(health), point: summary(point) };
}

async function flood() {
  const answers = {};
  let sent = 0;
  const sendOneByOne = async () => {
    while (sent < TOTAL) {
      const answer = await query(hostile, `${texts[sent % texts.length]}\n-- ${sent++}`);
      answers[answer] = (answers[answer] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 4 }, sendOneByOne));
  return answers;
}

await observe(sleep(2_000));
const quiet = await observe(sleep(QUIET_MS));
const started = performance.now();
const flooding = flood();
const noisy = await observe(flooding);
const report = {
  quiet,
  hostile: { ...noisy, seconds: round((performance.now() - started) / 1_000), answers: await flooding },
  ratios: { health: round(noisy.health.p99 / quiet.health.p99), point: round(noisy.point.p99 / quiet.point.p99) },
};
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
