// Measures the cost of judging beside parsing, for small and large statements, and when the verdict is remembered. Prints JSON with
// times in microseconds per statement. They are medians of rounds that take turns, so that a busy machine slows all of them alike.
// Run after a build: node bench/judge.mjs [milliseconds per statement]
import { createJudge } from "../dist/policy/create-judge.js";
import { judge } from "../dist/policy/judge.js";
import { TENANT_RULES } from "../dist/policy/policy-rules.js";
import { createParser } from "../dist/sql/parse-statement.js";
import { visitTree } from "../dist/sql/walk.js";

const MEASURE_MS = Number(process.argv[2] ?? 2_000);
const ROUND_MS = 5;
const list = (count, item) => Array.from({ length: count }, (_, index) => item(index)).join();
const STATEMENTS = {
  "SELECT 1": "SELECT 1",
  "small select": "SELECT id, name FROM users WHERE id = $1",
  "join with aggregate":
    "SELECT u.id, u.name, count(o.id), max(o.total) FROM users u LEFT JOIN orders o ON o.user_id = u.id AND o.status = $1 " +
    "WHERE u.created_at > now() - interval '7 days' AND u.role IN ('admin', 'member') GROUP BY u.id, u.name " +
    "HAVING count(o.id) > 0 ORDER BY 3 DESC NULLS LAST LIMIT 20",
  "insert of 50 rows": `INSERT INTO t VALUES ${list(50, (row) => `(${row}, 'name', now())`)}`,
  "list of 900": `SELECT * FROM t WHERE id IN (${list(900, String)})`,
  "UNION of 300": Array.from({ length: 300 }, () => "SELECT a FROM t").join(" UNION ALL "),
};

const parser = createParser();
await parser.ready();
const caching = createJudge();
const tenant = { kind: "tenant", permissions: new Set(["SELECT", "INSERT"]), tenant: "" };

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
const round = (value, digits = 2) => Math.round(value * 10 ** digits) / 10 ** digits;

/** Runs one round of one kind of work. Returns microseconds per run. */
async function timeRound(run) {
  const start = performance.now();
  let runs = 0;
  while (performance.now() - start < ROUND_MS) {
    const pending = run();
    if (pending instanceof Promise) await pending;
    runs += 1;
  }
  return ((performance.now() - start) / runs) * 1_000;
}

async function measure(works) {
  const times = Object.fromEntries(Object.keys(works).map((name) => [name, []]));
  const until = performance.now() + MEASURE_MS;
  for (let warmUp = true; performance.now() < until; warmUp = false)
    for (const [name, run] of Object.entries(works)) {
      const time = await timeRound(run);
      if (!warmUp) times[name].push(time);
    }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, round(median(values))]));
}

const results = {};
for (const [name, sql] of Object.entries(STATEMENTS)) {
  const statement = parser.parse(sql);
  const times = await measure({
    parseUs: () => void parser.parse(sql),
    walkUs: () => visitTree(statement.tree, () => undefined),
    judgeUs: () => void judge(statement, TENANT_RULES),
    rememberedUs: () => caching.approve(sql, tenant),
  });
  const shares = {
    walkShareOfParsing: round(times.walkUs / times.parseUs),
    judgeShareOfParsing: round(times.judgeUs / times.parseUs),
  };
  results[name] = { bytes: sql.length, ...times, ...shares };
}
process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
await caching.close();
