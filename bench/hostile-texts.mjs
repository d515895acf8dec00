// Measures how much one tenant's hostile texts slow down the judging of other tenants' small texts. Prints JSON.
// Run after a build: node bench/hostile-texts.mjs [seconds per phase]
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { PERMISSIONS } from "../dist/base/permissions.js";
import { createJudge } from "../dist/policy/create-judge.js";
import { HOSTILE } from "./hostile-shapes.mjs";

const PHASE_MS = Number(process.argv[2] ?? 5) * 1_000;
const SMALL =
  "SELECT u.id, u.name, count(o.id) FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE u.id = $1 GROUP BY 1, 2";
const HONEST_LARGE = `INSERT INTO t VALUES ${Array.from({ length: 500 }, (_, row) => `(${row}, 'name', now())`).join()}`;

const percentile = (values, share) => values.sort((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;
const round = (value) => Math.round(value * 1_000) / 1_000;

const judge = createJudge();
const PERMITTED = new Set(PERMISSIONS);
let judged = 0;

/** Each text is different, so that no verdict is remembered. */
async function timed(sql, tenant) {
  const started = performance.now();
  await judge
    .approve(`${sql}\n-- ${judged++}`, { kind: "tenant", permissions: PERMITTED, tenant })
    .catch((error) => error);
  return performance.now() - started;
}

/** Sends one request of another tenant every millisecond. Its wait for the event loop counts, as it does for a client. */
async function measure(attack) {
  const loop = monitorEventLoopDelay({ resolution: 1 });
  const small = [];
  const large = [];
  const until = performance.now() + PHASE_MS;
  const isOver = () => performance.now() >= until;
  loop.enable();
  const attacking = attack(isOver);
  const honest = (async () => {
    while (!isOver()) {
      large.push(await timed(HONEST_LARGE, "honest"));
      await sleep(100);
    }
  })();
  for (let due = performance.now() + 1; !isOver(); due = Math.max(due + 1, performance.now())) {
    await sleep(1);
    await timed(SMALL, "honest");
    small.push(performance.now() - due);
  }
  loop.disable();
  const texts = await attacking;
  await honest;
  return {
    hostileTexts: texts,
    smallMs: {
      p50: round(percentile(small, 0.5)),
      p99: round(percentile(small, 0.99)),
      max: round(percentile(small, 0.999999)),
    },
    largeMs: { p50: round(percentile(large, 0.5)), p99: round(percentile(large, 0.99)) },
    eventLoopDelayMs: { p99: round(loop.percentile(99) / 1e6), max: round(loop.max / 1e6) },
  };
}

/** Keeps four requests of the hostile tenant running. */
const flood = (texts) => async (isOver) => {
  let sent = 0;
  const sendOneByOne = async () => {
    while (!isOver()) {
      await timed(texts[sent++ % texts.length], "hostile");
      await sleep(0);
    }
  };
  await Promise.all(Array.from({ length: 4 }, sendOneByOne));
  return sent;
};

await measure(async () => 0);
const quiet = await measure(async () => 0);
const blocking = {};
for (const [name, text] of Object.entries(HOSTILE)) {
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const elapsedMs = round(await timed(text, "hostile"));
  await sleep(5);
  blocking[name] = { elapsedMs, longestBlockMs: round(loop.max / 1e6) };
}
const hostile = await measure(flood(Object.values(HOSTILE)));
const ratio = (of) => round(of(hostile) / of(quiet));
const report = {
  quiet,
  hostile,
  ratios: {
    smallP50: ratio((phase) => phase.smallMs.p50),
    smallP99: ratio((phase) => phase.smallMs.p99),
    largeP50: ratio((phase) => phase.largeMs.p50),
  },
  oneText: blocking,
};
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
await judge.close();
