import { describe, expect, it } from "vitest";
import { createLog, type LogOptions } from "../../../src/observability/log.ts";
import type { Observation } from "../../../src/observability/observation.ts";
import { redactSecrets } from "../../../src/observability/redact-secrets.ts";

const TOKEN = `pg_${"0123456789abcdef".repeat(4)}`;
const URL = "postgres://operator:s3cret@db.internal:5432/app?sslmode=require";

function linesOf(observation: Observation, level: LogOptions["level"] = "info"): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  createLog({ level, destination: { write } })(observation);
  return lines;
}

describe("createLog", () => {
  it("writes a finished query as one line of JSON", () => {
    const [line, ...rest] = linesOf({
      kind: "query-finished",
      requestId: "r1",
      durationMs: 1.23456,
      tokenPrefix: "pg_01234",
      databaseId: "d1",
      operation: "SELECT",
      rowCount: 3,
    });
    expect(rest).toEqual([]);
    expect(line).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      msg: "query finished",
      requestId: "r1",
      durationMs: 1.235,
      tokenPrefix: "pg_01234",
      databaseId: "d1",
      operation: "SELECT",
      rowCount: 3,
    });
  });

  it.each([
    ["INTERNAL_ERROR", "error"],
    ["UNAVAILABLE", "warn"],
    ["PARSE_ERROR", "info"],
    ["DATABASE_ERROR", "info"],
    ["UNAUTHORIZED", "info"],
  ] as const)("gives a %s the level %s", (code, level) => {
    expect(linesOf({ kind: "query-failed", requestId: "r", durationMs: 1, code })).toMatchObject([{ level, code }]);
  });

  it.each([
    ["XX000", "info"],
    ["XX001", "error"],
    ["XX002", "error"],
  ] as const)(
    "gives PostgreSQL's %s, which a tenant can cause only if it is XX000, the level %s",
    (sqlstate, level) => {
      const failure = {
        kind: "query-failed",
        requestId: "r",
        durationMs: 1,
        code: "DATABASE_ERROR",
        sqlstate,
      } as const;
      expect(linesOf(failure)).toMatchObject([{ level, sqlstate }]);
    },
  );

  it("shows only what the level lets through", () => {
    const finished: Observation = { kind: "client-gone", requestId: "r", durationMs: 1 };
    expect(linesOf(finished, "warn")).toEqual([]);
    expect(linesOf({ kind: "warning", message: "careful" }, "silent")).toEqual([]);
    expect(linesOf({ kind: "warning", message: "careful" }, "warn")).toMatchObject([{ level: "warn", msg: "careful" }]);
  });

  it("shows a fault's causes without their secrets and without a driver's further keys", () => {
    const root = Object.assign(new Error(`token ${TOKEN}`), { code: "ECONNREFUSED", query: "SELECT hidden" });
    const cause = new Error(`cannot connect to ${URL}`, { cause: root });
    const lines = linesOf({ kind: "query-failed", requestId: "r", durationMs: 1, code: "INTERNAL_ERROR", cause });
    expect(lines).toMatchObject([
      {
        cause: {
          name: "Error",
          message: "cannot connect to postgres://[redacted]",
          stack: expect.stringContaining("log.test.ts") as string,
          cause: { message: "token pg_[redacted]", code: "ECONNREFUSED" },
        },
      },
    ]);
    const text = JSON.stringify(lines);
    for (const secret of ["s3cret", "db.internal", TOKEN, "hidden"]) expect(text).not.toContain(secret);
  });

  it("ends with causes that go round in a circle", () => {
    const cause = new Error("round");
    cause.cause = cause;
    expect(linesOf({ kind: "background-failure", task: "t", cause })).toMatchObject([{ level: "warn", task: "t" }]);
  });
});

describe("redactSecrets", () => {
  it.each([
    [`at ${URL} now`, "at postgres://[redacted] now"],
    [`"postgresql://u:p@h/db", x`, '"postgres://[redacted]", x'],
    [`Bearer ${TOKEN}.`, "Bearer pg_[redacted]."],
    ["host=h password=abc user=u", "host=h password=[redacted] user=u"],
    ["password='a b' user=u", "password=[redacted] user=u"],
    ["the table pg_class and pg_01234", "the table pg_class and pg_01234"],
  ])("turns %s into %s", (text, expected) => {
    expect(redactSecrets(text)).toBe(expected);
  });
});
