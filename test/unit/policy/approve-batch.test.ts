import { expect, it } from "vitest";
import { approveAll } from "../../../src/policy/approve-batch.ts";
import type { Principal } from "../../../src/auth/principal.ts";
import type { ApprovedStatement } from "../../../src/policy/approved-statement.ts";
import { DEFAULT_FORM } from "../../../src/base/query-request.ts";

it("judges a text that occurs several times in a batch only once, because the cache does not remember large texts", async () => {
  const judged: string[] = [];
  const approve = (text: string): Promise<ApprovedStatement> => {
    judged.push(text);
    return Promise.resolve({ text } as ApprovedStatement);
  };
  const texts = ["a", "b", "a", "a", "b"];
  const statements = texts.map((sql, at) => ({
    sql,
    params: [{ kind: "integer", text: String(at) } as const],
    form: DEFAULT_FORM,
  }));

  const approved = await approveAll({ statements, isBatch: true }, {} as Principal, { approve, maxSqlBytes: 1_000 });

  expect(judged).toEqual(["a", "b"]);
  expect(approved).toEqual(statements.map(({ sql, params }) => ({ statement: { text: sql }, params })));
});
