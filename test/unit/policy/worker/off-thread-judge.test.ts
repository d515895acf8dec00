import { expect, it, onTestFinished, vi } from "vitest";

import { OffThreadJudge, type OffThreadJudgeOptions } from "../../../../src/policy/worker/off-thread-judge.ts";
import { ADMIN_RULES, TENANT_RULES } from "../../../../src/policy/policy-rules.ts";
import { compileParser } from "../../../../src/sql/parser-instance.ts";

function openJudge(options: Partial<OffThreadJudgeOptions> = {}): OffThreadJudge {
  const rules = { tenant: TENANT_RULES, admin: ADMIN_RULES };
  const judge = new OffThreadJudge({ compiled: compileParser, rules, deadlineMs: 10_000, ...options });
  onTestFinished(() => judge.close());
  return judge;
}

const tenantTask = (sql: string) => ({ sql, kind: "tenant" }) as const;
const TOO_COMPLEX = { code: "PARSE_ERROR", details: { reason: "TOO_COMPLEX" } };

it("refuses a text that would take the parser minutes, before parsing it", async () => {
  const endless = `${"/**/".repeat(300_000)}select 1`;
  await expect(openJudge().judge(tenantTask(endless), "")).rejects.toMatchObject(TOO_COMPLEX);
});

it("refuses a text at its deadline, and judges the next text in another thread", async () => {
  const judge = openJudge({ deadlineMs: 25 });
  await expect(judge.judge(tenantTask(`select 1${"+1".repeat(24_000)}`), "hostile")).rejects.toMatchObject(TOO_COMPLEX);

  // A deadline this short may end an honest text as well, so the test repeats it.
  const honest = () => judge.judge(tenantTask("select 1"), "other");
  expect(await vi.waitFor(honest, { timeout: 10_000 })).toMatchObject({ operation: "SELECT", text: "select 1" });
});

it("judges the next text after one whose tree has too many nodes", async () => {
  const judge = openJudge();

  await expect(judge.judge(tenantTask(`select 1${"+1".repeat(20_000)}`), "")).rejects.toMatchObject(TOO_COMPLEX);
  expect(await judge.judge(tenantTask("select 1"), "")).toMatchObject({ operation: "SELECT" });
});

it("refuses a text with the same error as the main thread", async () => {
  await expect(openJudge().judge(tenantTask("select 'é', pg_sleep(1)"), "")).rejects.toMatchObject({
    code: "PARSE_ERROR",
    message: expect.stringContaining("pg_sleep") as string,
    details: { reason: "FUNCTION_NOT_ALLOWED", position: 13 },
  });
});

it("judges by the rules of the kind of database and of the server's extensions", async () => {
  const functions = new Set(["similarity"]);
  const judge = openJudge({ rules: { tenant: { ...TENANT_RULES, functions }, admin: ADMIN_RULES } });

  expect(await judge.judge(tenantTask("select similarity('a', 'b')"), "")).toMatchObject({ operation: "SELECT" });
  await expect(judge.judge(tenantTask("select create_tenant_database('x')"), "")).rejects.toThrow("not allowed");
  expect(await judge.judge({ sql: "select create_tenant_database('x')", kind: "admin" }, "")).toMatchObject({
    writes: true,
  });
});

it("throws the cause, and not a refusal, when the parser cannot be loaded", async () => {
  const judge = openJudge({ compiled: () => Promise.reject(new Error("no such file")) });

  await expect(judge.judge(tenantTask("select 1"), "")).rejects.toThrow("no such file");
});
