// Judges the corpora written differently. The spelling and spacing of a statement, and the statement around an attack, must change neither
// the verdict nor its reason.

import { afterAll, describe, expect, it } from "vitest";
import { GatewayError } from "../../src/base/errors.ts";
import { createJudge } from "../../src/policy/create-judge.ts";
import { type CorpusCase, readCorpus } from "./read-corpus.ts";

const judge = createJudge();
afterAll(() => judge.close());

/** Quoted texts and names are not changed. A statement with escapes, comments or dollar quotes is left out. */
const TOKENS = /('(?:[^']|'')*'|"(?:[^"]|"")*")|(\s+)|([^\s'"]+)/g;
const IS_PLAIN = /^(?![^]*(?:\\|--|\/\*|\$\D|U&|[^\u0020-\u007e]))/i;

/** After these words the parser's lexer looks one token ahead and finds the comment, which would be a syntax error and not a verdict. */
const LOOKS_AHEAD = /\b(?:NOT|NULLS|WITH|WITHOUT|FORMAT)$/i;

function rewrite(sql: string, change: { space?: string; word?: (word: string) => string }): string {
  let before = "";
  return sql.replaceAll(TOKENS, (token, quoted?: string, space?: string) => {
    const changed =
      space === undefined ? change.word : LOOKS_AHEAD.test(before) ? undefined : () => change.space ?? token;
    before = token;
    return quoted === undefined ? (changed?.(token) ?? token) : token;
  });
}

const SPELLINGS: Readonly<Record<string, (sql: string) => string>> = {
  "in capitals": (sql) => rewrite(sql, { word: (word) => word.toUpperCase() }),
  "in changing case": (sql) =>
    rewrite(sql, { word: (word) => word.replaceAll(/../g, (two) => two.slice(0, 1).toUpperCase() + two.slice(1)) }),
  "with comments for spaces": (sql) => rewrite(sql, { space: "/* ; */\n" }),
  "with line comments for spaces": (sql) => rewrite(sql, { space: " -- '\n" }),
  "with a trailing semicolon": (sql) => `\t${sql} ; -- end`,
};

const WRAPPINGS: Readonly<Record<string, (sql: string) => string>> = {
  "in a sub-select": (sql) => `SELECT * FROM (${sql}) AS wrapped`,
  "in EXISTS": (sql) => `SELECT 1 WHERE EXISTS (${sql})`,
  "in a CTE": (sql) => `WITH wrapped AS (${sql}) SELECT 1 FROM wrapped`,
  "in a CTE that is not read": (sql) => `WITH wrapped AS (${sql}) SELECT 1`,
  "in an arm of a UNION": (sql) => `SELECT 1 UNION ALL (${sql})`,
  "in an ARRAY": (sql) => `UPDATE users SET tags = ARRAY(${sql})`,
  "as the source of an INSERT": (sql) => `INSERT INTO audit_log ${sql}`,
  "in a view": (sql) => `CREATE VIEW wrapped AS ${sql}`,
  "in CREATE TABLE AS": (sql) => `CREATE TABLE wrapped AS ${sql}`,
  "in EXPLAIN": (sql) => `EXPLAIN ${sql}`,
  "in the source of a MERGE": (sql) => `MERGE INTO users USING (${sql}) w ON true WHEN MATCHED THEN DO NOTHING`,
};

async function verdictOf(sql: string, { permissions, database = "tenant" }: CorpusCase): Promise<string> {
  try {
    await judge.approve(sql, { kind: database, permissions: new Set(permissions), tenant: "" });
    return "allowed";
  } catch (error) {
    if (error instanceof GatewayError) return error.details.reason ?? error.code;
    throw error;
  }
}

async function findChanged(rows: readonly CorpusCase[], change: (sql: string) => string) {
  const changed: unknown[] = [];
  for (const row of rows) {
    const before = await verdictOf(row.sql, row);
    const after = await verdictOf(change(row.sql), row);
    if (before !== after) changed.push({ id: row.id, sql: change(row.sql), before, after });
  }
  return changed;
}

const all = [...readCorpus("corpus"), ...readCorpus("own")].filter(({ sql }) => sql.length < 5_000);
const plain = all.filter(({ sql }) => IS_PLAIN.test(sql));
const OF_NAMES = new Set(["QUALIFIED_NAME", "SYSTEM_OBJECT", "FUNCTION_NOT_ALLOWED"]);
const attacks = plain.filter(
  ({ sql, reason = "", permissions, database }) =>
    OF_NAMES.has(reason) && permissions.length === 7 && database === undefined && /^SELECT(?![^]*\bINTO\b)/.test(sql),
);

describe("a verdict", () => {
  it.each(Object.entries(SPELLINGS))("stays the same when the statement is written %s", async (_, spell) => {
    expect(plain.length).toBeGreaterThan(1_000);
    expect(await findChanged(plain, spell)).toEqual([]);
  });

  it.each(Object.entries(WRAPPINGS))("stays the same when the attack is %s", async (_, wrap) => {
    expect(attacks.length).toBeGreaterThan(100);
    expect(await findChanged(attacks, wrap)).toEqual([]);
  });
});
