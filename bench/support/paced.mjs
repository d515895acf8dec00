// Sends requests of one tenant at a steady pace from a separate process, whether or not the ones before are answered. Reads a plan from
// stdin. Prints the number of answers by status, and the times of successful ones in milliseconds.
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";

const { url, token, sql, perSecond, seconds } = JSON.parse(await text(process.stdin));
const { hostname, port } = new URL(url);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const body = JSON.stringify({ sql });
const headers = {
  authorization: `Bearer ${token}`,
  "content-type": "application/json",
  "content-length": Buffer.byteLength(body),
};
const TICK_MS = 5;
/** This time is not counted, because every connection is made then. */
const WARM_UP_MS = 2_000;
const times = [];
const answers = {};
let pending = 0;

function send() {
  const sentAt = performance.now();
  pending += 1;
  const settle = (status) => {
    pending -= 1;
    answers[status] = (answers[status] ?? 0) + 1;
    if (status === 200 && sentAt - startedAt > WARM_UP_MS) times.push(performance.now() - sentAt);
  };
  request({ agent, hostname, port, method: "POST", path: "/query", headers }, (response) =>
    response.resume().once("end", () => settle(response.statusCode)),
  )
    .once("error", () => settle("none"))
    .end(body);
}

const startedAt = performance.now();
let sent = 0;
const timer = setInterval(() => {
  const elapsed = performance.now() - startedAt;
  while (elapsed < seconds * 1_000 && sent < (elapsed / 1_000) * perSecond) {
    send();
    sent += 1;
  }
  if (elapsed < seconds * 1_000 || pending > 0) return;
  clearInterval(timer);
  agent.destroy();
  times.sort((a, b) => a - b);
  const percentile = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  process.stdout.write(JSON.stringify({ answers, p50: percentile(0.5), p99: percentile(0.99) }));
}, TICK_MS);
