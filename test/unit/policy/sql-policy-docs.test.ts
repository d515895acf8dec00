import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";

it("docs/reference/sql-policy.md is what the tables of src/policy say", () => {
  const check = () => execFileSync(process.execPath, ["scripts/generate-sql-policy-docs.mjs", "--check"]);
  expect(check).not.toThrow();
});
