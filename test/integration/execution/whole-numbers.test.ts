// Numbers that JSON writes with a fraction or an exponent, in integer columns: the value decides, not its spelling.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { post, startTestGateway, type TestGateway, type TestTenant } from "../../support/gateway.ts";

let gateway: TestGateway;
let tenant: TestTenant;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.createTenant();
  await tenant.rows("create domain whole as int check (value > 0)");
  await tenant.rows(
    "create table numbers (id serial, small int2, usual int4, big int8, o oid, n numeric, f float8, t text, w whole, list int4[], wholes whole[])",
  );
});

afterAll(() => gateway.close());

/** Sends parameters as they are spelled, which JSON.stringify would not. */
async function send(sql: string, params: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const { status, body } = await post(gateway.url, tenant.token, `{"sql":${JSON.stringify(sql)},"params":${params}}`);
  return { status, body: body as Record<string, unknown> };
}

async function stored(column: string, number: string): Promise<unknown> {
  const { status, body } = await send(
    `insert into numbers (${column}) values ($1) returning ${column}::text as x`,
    `[${number}]`,
  );
  return status === 200 ? (body["rows"] as { x: unknown }[])[0]?.x : body["sqlstate"];
}

describe("a number", () => {
  it.each([
    ["small", "5.0", "5"],
    ["usual", "5.00", "5"],
    ["usual", "1e3", "1000"],
    ["usual", "-1E+2", "-100"],
    ["usual", "-0.0", "0"],
    ["big", "9007199254740993.0", "9007199254740993"],
    ["big", "9.223372036854775807e18", "9223372036854775807"],
    ["o", "16384.0", "16384"],
    ["w", "7.0", "7"],
    ["n", "5.0", "5.0"],
    ["n", "1.500", "1.500"],
    ["f", "5.0", "5"],
    ["t", "5.0", "5.0"],
    ["t", "1e3", "1e3"],
    ["list", "[5.0, 1e3, null, -0.0]", "{5,1000,NULL,0}"],
    ["list", "[[1.0],[2]]", "{{1},{2}}"],
    ["wholes", "[5.0]", "{5}"],
  ])("is stored in %s from %s as %s", async (column, number, expected) => {
    expect(await stored(column, number)).toBe(expected);
    expect(await stored(column, number)).toBe(expected); // By then the statement is prepared.
  });

  it.each([
    ["usual", "5.5", "22P02"],
    ["usual", "1e-1", "22P02"],
    ["usual", "1e400", "22P02"],
    ["usual", "1e10", "22003"],
    ["small", "40000.0", "22003"],
    ["big", "1e19", "22003"],
    ["w", "-7.0", "23514"],
    ["list", "[5.5]", "22P02"],
    ["list", "[5.0, 1e400]", "22P02"],
  ])("is refused in %s as %s with %s", async (column, number, sqlstate) => {
    expect(await stored(column, number)).toBe(sqlstate);
  });

  it("is taken wherever PostgreSQL finds an integer, beside parameters of other types", async () => {
    const { body } = await send(
      "select $1::int + 1 as a, $2::numeric as b, $3::text as c, $4::int8[] as d",
      "[5.0, 5.0, 5.0, [5.0]]",
    );
    expect(body["rows"]).toEqual([{ a: 6, b: "5.0", c: "5.0", d: [5] }]);
  });

  it("is no integer where its type is left open", async () => {
    expect((await send("select jsonb_build_object('a', $1)::text as a", "[5.0]")).body["rows"]).toEqual([
      { a: '{"a": 5.0}' },
    ]);
  });

  it("is taken in every statement of a batch, and an error names the right one", async () => {
    const batch = (last: string): string =>
      JSON.stringify({
        statements: [
          { sql: "insert into numbers (usual) values ($1) returning usual", params: ["#1"] },
          { sql: "insert into numbers (n) values ($1) returning n", params: ["#2"] },
          { sql: "insert into numbers (big, list) values ($1, $2) returning big, list", params: ["#1", ["#2"]] },
          { sql: "select $1::int as last", params: ["#3"] },
        ],
      })
        .replaceAll('"#1"', "5.0")
        .replaceAll('"#2"', "6.00")
        .replaceAll('"#3"', last);
    const answer = await post(gateway.url, tenant.token, batch("1e1"));
    expect(answer.body).toMatchObject({
      results: [
        { rows: [{ usual: 5 }] },
        { rows: [{ n: "6.00" }] },
        { rows: [{ big: 5, list: [6] }] },
        { rows: [{ last: 10 }] },
      ],
    });
    const refused = await post(gateway.url, tenant.token, batch("5.5"));
    expect(refused.body).toMatchObject({ sqlstate: "22P02", statement: 3 });
  });
});
