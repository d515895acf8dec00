import { afterAll, describe, expect, it } from "vitest";
import { GatewayError } from "../../src/base/errors.ts";
import { createJudge } from "../../src/policy/create-judge.ts";
import { type CorpusCase, readCorpus } from "./read-corpus.ts";

const judge = createJudge();
afterAll(() => judge.close());

/** Cases that the judge cannot refuse: the statement is honest SQL, and only its execution shows what it costs or tells. */
const STOPPED_BY_EXECUTION: Readonly<Record<string, string>> = {
  "big-005": "a 200-way join",
  "big-006": "a 150-way join",
  "big-008": "a long name, cut by the parser as the server cuts it; the table is missing",
  "deep-009": "30 doubling CTEs",
  "deep-010": "PostgreSQL bounds the depth of a JSON literal",
  "parser_trick-030": "parameters are counted before execution",
  "parser_trick-031": "parameters are counted before execution",
  "side_channel-001": "the table is missing",
  "side_channel-002": "the cast fails",
  "side_channel-004": "the table is missing",
  "side_channel-010": "the table is missing",
  "resource_exhaustion-001": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-002": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-003": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-004": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-005": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-006": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-007": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-008": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-009": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-010": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-011": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-012": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-013": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-014": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-015": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-016": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-017": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-018": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-019": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-020": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-021": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-022": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-023": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-025": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-026": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-027": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-028": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-029": "a bomb: limits of time, rows and bytes",
  "resource_exhaustion-030": "a bomb: limits of time, rows and bytes",
};

function verdictOf({ sql, permissions, database = "tenant" }: CorpusCase): Promise<string> {
  return judge.approve(sql, { kind: database, permissions: new Set(permissions), tenant: "" }).then(
    () => "allowed",
    (error: unknown) => {
      if (!(error instanceof GatewayError)) throw error;
      return error.details.reason ?? error.code;
    },
  );
}

describe.each(["corpus", "own"] as const)("the judge on the rows of %s", (name) => {
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

  it("allows the cases that only their execution can stop", async () => {
    for (const row of rows.filter(({ id }) => id in STOPPED_BY_EXECUTION))
      expect([row.id, await verdictOf(row)]).toEqual([row.id, "allowed"]);
  });
});
