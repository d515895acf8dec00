// Section 1 of the public contract: the forms of answers that a request to POST /query may choose.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, post, startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

let gateway: TestGateway;
let tenant: TestTenant;

beforeAll(async () => {
  gateway = await startTestGateway({ config: { maxResultBytes: 64 * 1024 } });
  tenant = await gateway.createTenant({ name: "acme", maxRows: 10 });
  await tenant.rows("create type mood as enum ('happy', 'sad')");
  await tenant.rows("create domain even as int check (value % 2 = 0)");
  await tenant.rows("create table people (id int8 primary key, mood mood, numbers even[], seen timestamptz)");
  await tenant.rows("insert into people values (1, 'happy', '{2,4}', '2026-02-03 04:05:06+00')");
});
afterAll(() => gateway.close());

const ask = (sql: string, form: object, params?: readonly unknown[]): Promise<Answer> =>
  post(gateway.url, tenant.token, { sql, params, ...form });

describe("the form of an answer", () => {
  it.each<[string, object, string]>([
    ["nothing asked for", {}, '{"rows":[{"id":1,"mood":"happy"}],"row_count":1}'],
    [
      "the defaults by name",
      { row_mode: "object", types: "json", fields: false },
      '{"rows":[{"id":1,"mood":"happy"}],"row_count":1}',
    ],
    ["arrays", { row_mode: "array" }, '{"rows":[[1,"happy"]],"row_count":1}'],
    ["text", { types: "text" }, '{"rows":[{"id":"1","mood":"happy"}],"row_count":1}'],
  ])("is exactly the documented text with %s", async (_, form, text) => {
    expect((await ask("select id, mood from people", form)).text).toBe(text);
  });

  it("keeps columns of the same name when rows are arrays", async () => {
    const { body } = await ask("select 1 as n, 'two' as n, null as n", { row_mode: "array" });
    expect(body).toEqual({ rows: [[1, "two", null]], row_count: 1 });
  });

  it("names the type of each field, even a type that the tenant defined", async () => {
    const { body } = await ask(
      "select id, mood, array[mood] as moods, numbers, seen, 'x'::varchar(3) as v, p from people p",
      { fields: true },
    );
    expect(body.fields.map(({ name, type }: Record<string, string>) => [name, type])).toEqual([
      ["id", "int8"],
      ["mood", "mood"],
      ["moods", "mood[]"],
      ["numbers", "even[]"],
      ["seen", "timestamptz"],
      ["v", "varchar"],
      ["p", "people"],
    ]);
    expect(body.fields[0]).toEqual({ name: "id", type: "int8", oid: 20 });
    expect(body.command).toBe("SELECT");
  });

  it.each<[string, string, number]>([
    ["insert into people values (2), (3)", "INSERT", 2],
    ["update people set mood = 'sad' where id > 1", "UPDATE", 2],
    ["delete from people where id > 1", "DELETE", 2],
    ["create table made (id int)", "CREATE TABLE", 0],
    ["drop table made", "DROP TABLE", 0],
  ])("names for %s the command %s", async (sql, command, count) => {
    expect((await ask(sql, { fields: true })).body).toEqual({ rows: [], row_count: count, fields: [], command });
  });

  it("describes the fields of a result without rows", async () => {
    const { body } = await ask("select id from people where false", { fields: true, row_mode: "array" });
    expect(body).toEqual({
      rows: [],
      row_count: 0,
      fields: [{ name: "id", type: "int8", oid: 20 }],
      command: "SELECT",
    });
  });

  it("holds PostgreSQL's own text of every value with types: text", async () => {
    const sql = "select true as b, 1.50::numeric as n, array[1,null] as a, '{\"a\": 1}'::jsonb as j, seen from people";
    expect((await ask(sql, { types: "text" })).body.rows).toEqual([
      { b: "t", n: "1.50", a: "{1,NULL}", j: '{"a": 1}', seen: "2026-02-03 04:05:06+00" },
    ]);
  });
});

describe("the limits of an answer", () => {
  const forms = [{}, { row_mode: "array" }, { types: "text" }, { row_mode: "array", types: "text", fields: true }];

  it.each(forms)("of rows hold with %j, and the statement's changes are undone", async (form) => {
    const { status, body } = await ask(
      "insert into people select n from generate_series(100, 120) as n returning id",
      form,
    );
    expect([status, body.code]).toEqual([400, "ROW_LIMIT_EXCEEDED"]);
    expect(await tenant.rows("select count(*) as n from people")).toEqual([{ n: 1 }]);
  });

  it.each(forms)("of bytes hold with %j, and the statement's changes are undone", async (form) => {
    const sql = "insert into people values (200) returning repeat(E'\\u0001', 12000) as v";
    const { status, body } = await ask(sql, form);
    expect([status, body.code]).toEqual([400, "RESULT_TOO_LARGE"]);
    expect(await tenant.rows("select count(*) as n from people")).toEqual([{ n: 1 }]);
  });

  it("of bytes count the fields, too, which can exceed them without any rows", async () => {
    const columns = Array.from({ length: 1_600 }, (_, n) => `null as "${"x".repeat(50)}${n}"`).join(", ");
    const answer = await ask(`select ${columns} where false`, { fields: true });
    expect([answer.status, answer.body.code]).toEqual([400, "RESULT_TOO_LARGE"]);
  });
});
