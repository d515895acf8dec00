import { afterAll, describe, expect, it } from "vitest";
import { GatewayError } from "../../src/errors.ts";
import { createJudge } from "../../src/policy/create-judge.ts";
import { createParser } from "../../src/sql/parse-statement.ts";
import { type CorpusCase, readCorpus } from "./read-corpus.ts";

const parser = createParser();
const judge = createJudge({ parse: parser.parse });
afterAll(() => parser.close());

/** Refused by nobody who only reads the text: the statement is honest SQL, and what it costs or says shows when it runs. */
const STOPPED_BY_EXECUTION: Readonly<Record<string, string>> = {};

function verdictOf({ sql, permissions, database = "tenant" }: CorpusCase): Promise<string> {
  return judge.approve(sql, { kind: database, permissions: new Set(permissions), tenant: "" }).then(
    () => "allowed",
    (error: unknown) => {
      if (!(error instanceof GatewayError)) throw error;
      return error.details.reason ?? error.code;
    },
  );
}

describe.each(["corpus"] as const)("the judge on %s", (name) => {
  const rows = readCorpus(name);

  it.each(rows.filter(({ expect: expected }) => expected === "allow"))("allows $id: $sql", async (row) => {
    expect(await verdictOf(row)).toBe("allowed");
  });

  it.each(rows.filter(({ id, expect: expected }) => expected === "deny" && !(id in STOPPED_BY_EXECUTION)))(
    "refuses $id: $sql",
    async (row) => {
      const verdict = await verdictOf(row);
      if (row.reason === undefined) expect(verdict).not.toBe("allowed");
      else expect(verdict).toBe(row.reason);
    },
  );

  it("leaves to execution what only execution can stop", async () => {
    for (const row of rows.filter(({ id }) => id in STOPPED_BY_EXECUTION))
      expect([row.id, await verdictOf(row)]).toEqual([row.id, "allowed"]);
  });
});
