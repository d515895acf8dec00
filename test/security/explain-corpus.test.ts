// A statement inside EXPLAIN is judged as the statement alone: what is refused alone could be planned there, and an honest one
// must not be refused.

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

/** Rows of which PostgreSQL plans the statement, as far as they parse. */
async function isExplained({ sql }: CorpusCase): Promise<boolean> {
  try {
    while (!parser.isReady) await parser.ready(); // A text of another row may have broken the instance.
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

describe.each(["corpus", "own"] as const)("inside EXPLAIN, each row of %s", (name) => {
  it("has the verdict that it has alone", async () => {
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
