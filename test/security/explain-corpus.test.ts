// A statement inside EXPLAIN must get the same verdict as alone. Otherwise PostgreSQL would plan a statement that is refused alone, or
// the judge would refuse an honest one.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayError } from "../../src/base/errors.ts";
import { createJudge } from "../../src/policy/create-judge.ts";
import { createParser } from "../../src/sql/parse-statement.ts";
import { type CorpusCase, readCorpus } from "./read-corpus.ts";

const judge = createJudge();
const parser = createParser();
beforeAll(() => parser.ready());
afterAll(() => judge.close());

const EXPLAINED = /^(Select|Insert|Update|Delete|Merge|CreateTableAs)Stmt$/;

/** Tells whether a row's statement parses and is of a type that EXPLAIN accepts. */
async function isExplained({ sql }: CorpusCase): Promise<boolean> {
  try {
    while (!parser.isReady) await parser.ready(); // The text of another row may have broken the instance.
    return Object.keys(parser.parse(sql).tree).some((type) => EXPLAINED.test(type));
  } catch (error) {
    if (error instanceof GatewayError) return false;
    throw error;
  }
}

function verdictOf(sql: string, { permissions, database = "tenant" }: CorpusCase): Promise<string> {
  return judge.approve(sql, { kind: database, permissions: new Set(permissions), tenant: "" }).then(
    () => "allowed",
    (error: unknown) => {
      if (!(error instanceof GatewayError)) throw error;
      return error.details.reason ?? error.code;
    },
  );
}

describe.each(["corpus", "own"] as const)("the rows of %s inside EXPLAIN", (name) => {
  it("get the same verdict as alone", async () => {
    const different: string[] = [];
    let count = 0;
    for (const row of readCorpus(name)) {
      if (!(await isExplained(row))) continue;
      count += 1;
      const [alone, inside] = [await verdictOf(row.sql, row), await verdictOf(`EXPLAIN ${row.sql}`, row)];
      if (alone !== inside) different.push(`${row.id}: ${alone} alone, ${inside} inside: ${row.sql.slice(0, 100)}`);
    }
    expect(count).toBeGreaterThan(200);
    expect(different).toEqual([]);
  }, 60_000);
});
