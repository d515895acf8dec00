// What does judging cost beside parsing, for small and large statements, and when the verdict is remembered? Prints JSON,
// times in microseconds per statement. Run after a build: node bench/judge.mjs [milliseconds per measurement]
import { createJudge } from "../dist/policy/create-judge.js";
import { judge } from "../dist/policy/judge.js";
import { TENANT_RULES } from "../dist/policy/policy-rules.js";
import { createParser } from "../dist/sql/parse-statement.js";
import { visitTree } from "../dist/sql/walk.js";

const MEASURE_MS = Number(process.argv[2] ?? 500);
const STATEMENTS = {
  "SELECT 1": "SELECT 1",
  "small select": "SELECT id, name FROM users WHERE id = $1",
  "join with aggregate":
    "SELECT u.id, u.name, count(o.id), max(o.total) FROM users u LEFT JOIN orders o ON o.user_id = u.id AND o.status = $1 " +
    "WHERE u.created_at > now() - interval '7 days' AND u.role IN ('admin', 'member') GROUP BY u.id, u.name " +
    "HAVING count(o.id) > 0 ORDER BY 3 DESC NULLS LAST LIMIT 20",
  "insert of 50 rows": `INSERT INTO t VALUES ${Array.from({ length: 50 }, (_, row) => `(${row}, 'name', now())`).join()}`,
  "list of 900": `SELECT * FROM t WHERE id IN (${Array.from({ length: 900 }, (_, id) => id).join()})`,
};

const parser = createParser();
await parser.warmUp();
const caching = createJudge({ parse: parser.parse });
const tenant = { kind: "tenant", permissions: new Set(["SELECT", "INSERT"]), tenant: "" };

function measure(run) {
  for (let times = 0; times < 50; times++) run();
  const start = performance.now();
  let times = 0;
  while (performance.now() - start < MEASURE_MS) for (let i = 0; i < 20; i++, times++) run();
  return Math.round(((performance.now() - start) / times) * 1e5) / 100;
}

async function measureAsync(run) {
  const start = performance.now();
  let times = 0;
  while (performance.now() - start < MEASURE_MS) for (let i = 0; i < 100; i++, times++) await run();
  return Math.round(((performance.now() - start) / times) * 1e5) / 100;
}

const results = {};
for (const [name, sql] of Object.entries(STATEMENTS)) {
  const statement = parser.parse(sql);
  const parseUs = measure(() => parser.parse(sql));
  const walkUs = measure(() => visitTree(statement.tree, () => undefined));
  const judgeUs = measure(() => judge(statement, TENANT_RULES));
  const rememberedUs = await measureAsync(() => caching.approve(sql, tenant));
  const judgeShareOfParsing = Math.round((judgeUs / parseUs) * 100) / 100;
  results[name] = { bytes: sql.length, parseUs, walkUs, judgeUs, judgeShareOfParsing, rememberedUs };
}
process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
await parser.close();
