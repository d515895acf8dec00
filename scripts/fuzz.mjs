// Mutates both corpora at random and asks the judge again. A case that is spelled differently or put into another statement must keep
// its verdict and reason. A case that is spliced with others must get a refusal, or an approval that a second opinion shares. Prints
// the seed and its findings, and ends with 1 when there are some:
//   npm run fuzz [-- <minutes> [seed]]
import { readFileSync } from "node:fs";
import { createJudge } from "../dist/policy/create-judge.js";
import { GatewayError } from "../dist/base/errors.js";
import { PERMISSIONS } from "../dist/base/permissions.js";
import { createParser } from "../dist/sql/parse-statement.js";
import { createRandom } from "./fuzz/random.mjs";
import { findViolation } from "./fuzz/second-opinion.mjs";
import { respell } from "./fuzz/spellings.mjs";
import { splice } from "./fuzz/splices.mjs";
import { tokenize } from "./fuzz/tokens.mjs";
import { wrap } from "./fuzz/wrappings.mjs";

const minutes = Number(process.argv[2] ?? 0.5);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000_000);
const MAX_FINDINGS = 50;
const LONGEST_TEXT = 3_000;

/** Refusals of the text itself. They say nothing about the tree, so these cases are not wrapped or spelled differently. */
const OF_THE_TEXT = new Set(["SYNTAX_ERROR", "EMPTY_QUERY", "MULTIPLE_STATEMENTS", "TOO_COMPLEX", "INVALID_REQUEST"]);
const CHANGES_DATA = /^(?:Insert|Update|Delete|Merge)Stmt$/;
const LOCATIONS = /"(?:location|name_location|list_start|list_end|rexpr_list_start|rexpr_list_end)":-?\d+,?/g;

const random = createRandom(seed);
const parser = createParser();
await parser.ready();
const judge = createJudge();

async function verdictOf(sql, { permissions, database = "tenant" }) {
  try {
    await judge.approve(sql, { kind: database, permissions: new Set(permissions), tenant: "" });
    return "allowed";
  } catch (error) {
    if (error instanceof GatewayError) return error.details.reason ?? error.code;
    throw error;
  }
}

const shapeOf = (tree) => JSON.stringify(tree).replaceAll(LOCATIONS, "").replaceAll(",}", "}");

async function treeOf(sql) {
  try {
    return parser.parse(sql).tree;
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

function readRows(name) {
  const lines = readFileSync(new URL(`../test/security/corpus/${name}.jsonl`, import.meta.url), "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
}

async function prepare(row) {
  const tokens = row.sql === undefined || row.sql.length > LONGEST_TEXT ? undefined : tokenize(row.sql);
  const tree = tokens && (await treeOf(row.sql));
  if (tree === undefined) return { ...row, tokens };
  const verdict = await verdictOf(row.sql, row);
  const [rootType] = Object.keys(tree);
  const shape = shapeOf(tree);
  const isQuery = rootType === "SelectStmt";
  const canBeWrapped = (isQuery || CHANGES_DATA.test(rootType)) && isWrappable({ ...row, tokens, verdict, shape });
  return { ...row, tokens, verdict, shape, canBeWrapped, isQuery };
}

/**
 * Tells whether a case can be wrapped. SELECT INTO cannot stand inside another statement, pg_typeof is allowed only in some places,
 * names in a definition must be simpler, and SELECT 1 needs SELECT only when it stands alone.
 */
function isWrappable({ permissions, tokens, verdict, shape }) {
  if (/"intoClause"|pg_typeof|"(?:name|aliasname|relname)":"[^"]*\\n/.test(shape) || OF_THE_TEXT.has(verdict))
    return false;
  if (verdict === "OPERATION_NOT_ALLOWED" && !permissions.includes("SELECT")) return false;
  return tokens.every(({ kind, text }) => text !== ";" && !(kind === "space" && text.includes("--")));
}

const rows = await Promise.all([...readRows("corpus"), ...readRows("own")].map(prepare));
const cuttable = rows.filter(({ tokens }) => tokens !== undefined);
const parsed = cuttable.filter(({ shape }) => shape !== undefined);
const wrappable = parsed.filter(({ canBeWrapped }) => canBeWrapped);
const counts = {
  respelled: 0,
  otherMeaning: 0,
  wrapped: 0,
  notParsed: 0,
  spliced: 0,
  splicesParsed: 0,
  splicesAllowed: 0,
};
const findings = [];

function report(kind, row, found) {
  findings.push(kind);
  console.error(JSON.stringify({ kind, seed, id: row.id, ...found }));
}

async function tryRespelling() {
  const row = random.pick(parsed);
  const sql = respell(row.tokens, random);
  const tree = await treeOf(sql);
  if (tree === undefined || shapeOf(tree) !== row.shape) {
    counts.otherMeaning += 1;
    return;
  }
  counts.respelled += 1;
  const verdict = await verdictOf(sql, row);
  if (verdict !== row.verdict) report("respelled", row, { before: row.verdict, after: verdict, sql });
}

async function tryWrapping() {
  const row = random.pick(wrappable);
  const wrapped = wrap({ ...row, isAdmin: row.database === "admin" }, random);
  const tree = await treeOf(wrapped.sql);
  if (tree === undefined) {
    counts.notParsed += 1;
    return;
  }
  counts.wrapped += 1;
  const expected = [row.verdict];
  // The judge checks permissions last. A query without a table needs none inside a statement that changes data.
  if (row.verdict === "allowed" && wrapped.needs.some((need) => !row.permissions.includes(need)))
    expected.push("OPERATION_NOT_ALLOWED");
  const sql = random.chance(0.3) ? await respellSafely(wrapped.sql, tree) : wrapped.sql;
  const verdict = await verdictOf(sql, row);
  if (!expected.includes(verdict)) report("wrapped", row, { before: row.verdict, after: verdict, sql });
}

async function respellSafely(sql, tree) {
  const written = respell(tokenize(sql) ?? [], random);
  const other = await treeOf(written);
  return other !== undefined && shapeOf(other) === shapeOf(tree) ? written : sql;
}

async function trySplicing() {
  const [row, other] = [random.pick(cuttable), random.pick(cuttable)];
  const sql = splice(row.tokens, other.tokens, random);
  counts.spliced += 1;
  const database = random.chance(0.1) ? "admin" : "tenant";
  const verdict = await verdictOf(sql, { permissions: PERMISSIONS, database });
  if (!OF_THE_TEXT.has(verdict)) counts.splicesParsed += 1;
  if (verdict !== "allowed") return;
  counts.splicesAllowed += 1;
  const violation = findViolation(await treeOf(sql));
  if (violation !== undefined) report("spliced", row, { violation, sql });
}

console.error(
  `seed ${seed}, ${minutes} minutes, ${parsed.length} of ${rows.length} rows parsed, ${wrappable.length} can be wrapped`,
);
const until = performance.now() + minutes * 60_000;
while (performance.now() < until && findings.length < MAX_FINDINGS) {
  for (const attempt of [tryRespelling, tryWrapping, trySplicing]) {
    try {
      await attempt();
    } catch (error) {
      report("thrown", {}, { attempt: attempt.name, error: String(error?.stack ?? error) });
    }
  }
}
console.log(JSON.stringify({ seed, minutes, ...counts, findings: findings.length }));
await judge.close();
process.exitCode = findings.length === 0 ? 0 : 1;
