import { expect, describe, it, onTestFinished } from "vitest";
import type { Permission } from "../../../src/base/permissions.ts";
import { createJudge, type Judge, type JudgeOptions, type Sender } from "../../../src/policy/create-judge.ts";

function openJudge(options: JudgeOptions = {}): Judge {
  const judge = createJudge(options);
  onTestFinished(() => judge.close());
  return judge;
}

function sender(kind: Sender["kind"], ...permissions: Permission[]): Sender {
  return { kind, permissions: new Set(permissions), tenant: "t" };
}

const reader = (tenant = "t"): Sender => ({ ...sender("tenant", "SELECT", "INSERT"), tenant });

const list = (count: number, item: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => item(i)).join();

const TOO_COMPLEX = { code: "PARSE_ERROR", details: { reason: "TOO_COMPLEX" } };

describe("createJudge", () => {
  it("judges a text once, and checks the permissions of each sender of it", async () => {
    const judge = openJudge();
    const first = await judge.approve("DELETE FROM a", sender("tenant", "DELETE"));
    await expect(judge.approve("DELETE FROM a", sender("tenant", "SELECT"))).rejects.toThrow(
      "Operation DELETE is not allowed",
    );
    expect(await judge.approve("DELETE FROM a", sender("tenant", "DELETE"))).toBe(first);
  });

  it("remembers the refusal of a text", async () => {
    const judge = openJudge();
    const refusalOf = () => judge.approve("SHOW ALL", reader()).catch((error: unknown) => error);
    const first = await refusalOf();

    expect(first).toMatchObject({ details: { reason: "STATEMENT_NOT_SUPPORTED" } });
    expect(await refusalOf()).toBe(first);
  });

  it("shares no verdict between the admin database and tenants", async () => {
    const judge = openJudge();
    const call = "SELECT create_tenant_database('x')";
    await judge.approve(call, sender("admin", "SELECT", "INSERT"));
    await expect(judge.approve(call, sender("tenant", "SELECT", "INSERT"))).rejects.toThrow("not allowed");
    await expect(judge.approve("CREATE TABLE t (a int)", sender("admin", "CREATE"))).rejects.toThrow("Unsupported");
    await judge.approve("CREATE TABLE t (a int)", sender("tenant", "CREATE"));
  });

  it("loads the parser at the first text, once for all texts that wait", async () => {
    const judge = openJudge();

    expect(await Promise.all(["select 1", "select 2"].map((sql) => judge.approve(sql, reader())))).toHaveLength(2);
  });

  it("refuses a text that has more bytes than allowed", async () => {
    const judge = openJudge({ maxSqlBytes: 30 });

    await judge.approve("select '😀😀😀😀😀'", reader());
    await expect(judge.approve("select '😀😀😀😀😀😀'", reader())).rejects.toMatchObject(TOO_COMPLEX);
  });

  it.each([
    { name: "a sum of 300 terms", sql: `select ${"1 + ".repeat(300)}1` },
    { name: "250 concatenations", sql: `select ${"a || ".repeat(250)}b from t` },
    { name: "5,000 numbers in a list", sql: `select * from t where id in (${list(5_000, String)})` },
    {
      name: "1,000 rows of 10 values",
      sql: `insert into t values ${list(1_000, (row) => `(${list(10, (column) => `-${row}.${column}`)})`)}`,
    },
    { name: "1,000 rows of parameters", sql: `insert into t values ${list(1_000, (row) => `($${row + 1})`)}` },
    { name: "deeply nested JSON", sql: `select '${"[".repeat(50_000)}${"]".repeat(50_000)}'::jsonb` },
    { name: "a document of 250 KB", sql: `insert into t values ($$${"<p>text -- /* '</p>".repeat(13_000)}$$)` },
    { name: "a banner of 5,000 characters", sql: `/*${"*".repeat(5_000)}*/ select 1` },
    { name: "40 nested comments", sql: `${"/* ".repeat(40)}${" */".repeat(40)} select 1` },
    { name: "100 nested calls", sql: `select ${"coalesce(".repeat(100)}1${")".repeat(100)}` },
    { name: "200 UNION arms", sql: `select 1${" union all select 1".repeat(200)}` },
  ])("approves honest SQL of unusual size: $name", async ({ sql }) => {
    expect(await openJudge().approve(sql, reader())).toMatchObject({ text: sql });
  });

  it("finds the same facts in a small text and in a large one", async () => {
    const judge = openJudge();
    const sql = "select a, b::int from t where c = $1";
    const large = await judge.approve(`${sql}${" ".repeat(100_000)}`, reader());

    expect({ ...large, text: sql }).toEqual(await judge.approve(sql, reader()));
  });

  it("refuses a large text with the same message and position as a small one", async () => {
    await expect(openJudge().approve(`select 'é${"x".repeat(100_000)}' from from`, reader())).rejects.toMatchObject({
      message: 'syntax error at or near "from"',
      details: { reason: "SYNTAX_ERROR", position: 100_017 },
    });
  });

  it("refuses a text that takes longer than the deadline, and judges it again the next time", async () => {
    const hasty = openJudge({ deadlineMs: 1 });
    const large = `select ${list(20_000, String)}`;
    const refusalOf = () => hasty.approve(large, reader()).catch((error: unknown) => error);
    const first = await refusalOf();

    expect(first).toMatchObject(TOO_COMPLEX);
    expect(await refusalOf()).not.toBe(first);
    await hasty.approve("select 1", reader());
  });

  it("judges large texts of two tenants in turn", async () => {
    const judge = openJudge();
    const order: string[] = [];
    const note = (name: string, tenant: string) =>
      judge.approve(`select ${list(3_000, String)} as ${name}`, reader(tenant)).then(() => order.push(name));

    await Promise.all([
      ...["flood1", "flood2", "flood3", "flood4", "flood5"].map((name) => note(name, "hostile")),
      note("honest", "other"),
    ]);

    expect(order.indexOf("honest")).toBeLessThanOrEqual(2);
  });

  it("answers TOO_MANY_REQUESTS with a time to retry when too many large texts of a tenant wait", async () => {
    const judge = openJudge();
    const texts = Array.from({ length: 12 }, (_, index) => `select ${list(3_000, String)} as c${index}`);

    const outcomes = await Promise.allSettled(texts.map((text) => judge.approve(text, reader("hostile"))));

    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
    expect(refused).toHaveLength(3);
    expect(refused[0]).toMatchObject({ code: "TOO_MANY_REQUESTS", retryAfterSeconds: 1 });
  });

  it("answers UNAVAILABLE to the texts that still wait when the judge is closed", async () => {
    const judge = createJudge();
    const waiting = Promise.allSettled(
      [1, 2].map((n) => judge.approve(`select ${list(3_000, String)}, ${n}`, reader())),
    );

    await judge.close();

    for (const outcome of await waiting) expect(outcome).toMatchObject({ reason: { code: "UNAVAILABLE" } });
  });
});
