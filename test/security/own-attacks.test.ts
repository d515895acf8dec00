// Counts how different our own attacks are. A kind is the type of the refused node together with the reason.

import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { GatewayError } from "../../src/base/errors.ts";
import { createJudge } from "../../src/policy/create-judge.ts";
import { Judgement } from "../../src/policy/judgement.ts";
import { createParser } from "../../src/sql/parse-statement.ts";
import { type CorpusCase, readCorpus } from "./read-corpus.ts";

const parser = createParser();
const judge = createJudge();
const refuse = vi.spyOn(Judgement.prototype, "refuse");
beforeAll(() => parser.ready());
afterAll(async () => {
  refuse.mockRestore();
  await judge.close();
});

async function kindOf({ sql, permissions, database = "tenant" }: CorpusCase): Promise<string> {
  refuse.mockClear();
  try {
    await judge.approve(sql, { kind: database, permissions: new Set(permissions), tenant: "" });
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const [root] = Object.keys(parser.parse(sql).tree);
    return `${refuse.mock.lastCall?.[0].type ?? root} ${error.details.reason}`;
  }
  throw new Error(`Nobody refuses ${sql}`);
}

it("finds at least 150 kinds of attacks in our own corpus", async () => {
  const kinds = new Set<string>();
  for (const row of readCorpus("own").filter((each) => each.expect === "deny")) kinds.add(await kindOf(row));
  expect(kinds.size).toBeGreaterThanOrEqual(150);
});

it("finds at least 150 honest statements in our own corpus that the given corpus does not have", () => {
  const honest = readCorpus("own").filter((each) => each.expect === "allow");
  const known = new Set(readCorpus("corpus").map(({ sql }) => sql));
  expect(new Set(honest.map(({ sql }) => sql).filter((sql) => !known.has(sql))).size).toBeGreaterThanOrEqual(150);
});
