import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";

it("keeps docs/reference/sql-policy.md equal to the tables of src/policy", () => {
  const check = () => execFileSync(process.execPath, ["scripts/generate-sql-policy-docs.mjs", "--check"]);
  expect(check).not.toThrow();
});
