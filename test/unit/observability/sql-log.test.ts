import { describe, expect, it } from "vitest";
import type { Observation } from "../../../src/observability/observation.ts";
import { type SqlLogging, withSqlLog } from "../../../src/observability/sql-log.ts";

const TOKEN = `pg_${"a".repeat(64)}`;

async function logOf(logging: SqlLogging, ...texts: string[]): Promise<readonly Observation[]> {
  const seen: Observation[] = [];
  const run = withSqlLog(
    () => Promise.resolve("answer"),
    logging,
    (observation) => seen.push(observation),
  );
  expect(await run("who", { statements: texts.map((sql) => ({ sql })) }, { requestId: "r" })).toBe("answer");
  return seen;
}

describe("withSqlLog", () => {
  it("says nothing when it is off", async () => {
    expect(await logOf("off", "select 1")).toEqual([]);
  });

  it("tells the texts, without tokens in them", async () => {
    expect(await logOf("full", "select 1", `select '${TOKEN}'`)).toEqual([
      { kind: "statements", requestId: "r", sql: ["select 1", "select 'pg_[redacted]'"] },
    ]);
  });

  it("tells fingerprints, the same for the same text", async () => {
    const [seen] = await logOf("fingerprint", "select 1", "select 2", "select 1");
    const [first, second, third] = seen?.kind === "statements" ? seen.sql : [];
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    expect(third).toBe(first);
    expect(second).not.toBe(first);
  });
});
