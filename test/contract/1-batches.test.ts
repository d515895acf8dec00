// Section 1 of the public contract: several statements in one transaction, over HTTP.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { post, type Answer, startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

let gateway: TestGateway;
let tenant: TestTenant;

beforeAll(async () => {
  gateway = await startTestGateway({
    config: { queryTimeoutMs: 1_500, maxResultBytes: 64 * 1024, maxSqlBytes: 20_000 },
  });
  tenant = await gateway.createTenant({ name: "acme", maxRows: 10 });
  await tenant.rows("create table users (id int primary key, name text)");
});
afterAll(() => gateway.close());

type Statement = string | { readonly sql: unknown; readonly params?: unknown };

const send = (statements: readonly Statement[], keys: object = {}, { token } = tenant): Promise<Answer> =>
  post(gateway.url, token, {
    statements: statements.map((each) => (typeof each === "string" ? { sql: each } : each)),
    ...keys,
  });
const countUsers = async (): Promise<unknown> => (await tenant.rows("select count(*) as n from users"))[0]?.["n"];
const insert = (id: number): Statement => ({ sql: "insert into users (id) values ($1)", params: [id] });

describe("a batch", () => {
  it("is answered with exactly the documented text", async () => {
    const answer = await send([
      { sql: "insert into users values ($1, $2)", params: [1, "Alice"] },
      "select id, name from users",
      { sql: "delete from users where id = any($1)", params: [[1, 2]] },
    ]);
    expect([answer.status, answer.text]).toEqual([
      200,
      '{"results":[{"rows":[],"row_count":1},{"rows":[{"id":1,"name":"Alice"}],"row_count":1},{"rows":[],"row_count":1}]}',
    ]);
  });

  it("may be empty, or have one statement", async () => {
    expect((await send([])).text).toBe('{"results":[]}');
    expect((await send(["select 1 as n"])).text).toBe('{"results":[{"rows":[{"n":1}],"row_count":1}]}');
  });

  it("has the same form for all of its results", async () => {
    const { body } = await send(["select 1 as n, 2 as n", "create table made (id int)", "drop table made"], {
      row_mode: "array",
      types: "text",
      fields: true,
    });
    expect(body.results.map(({ rows, command }: Record<string, unknown>) => [rows, command])).toEqual([
      [[["1", "2"]], "SELECT"],
      [[], "CREATE TABLE"],
      [[], "DROP TABLE"],
    ]);
  });

  it("is logged as one query, without SQL and parameters", async () => {
    await send(["select 'secret-text'", { sql: "select $1::text", params: ["secret-parameter"] }]);
    const last = gateway.observations.at(-1);
    expect(last).toMatchObject({ kind: "query-finished", operation: "BATCH", rowCount: 2 });
    expect(JSON.stringify(gateway.observations)).not.toMatch(/secret-/);
  });

  it.each([
    ["an isolation level", { isolation: "serializable" }],
    ["read_only", { read_only: true }],
    ["all of them", { isolation: "serializable", read_only: true, deferrable: true }],
    ["null for each", { isolation: null, read_only: null, deferrable: null }],
  ])("accepts the same transaction options as a single statement: %s", async (_, keys) => {
    expect((await send(["select 1 as n"], keys)).status).toBe(200);
    expect((await post(gateway.url, tenant.token, { sql: "select 1 as n", ...keys })).text).toBe(
      '{"rows":[{"n":1}],"row_count":1}',
    );
  });

  it("cannot write when it is read_only", async () => {
    expect((await send(["select 1", insert(1)], { read_only: true })).body).toMatchObject({
      code: "DATABASE_ERROR",
      sqlstate: "25006",
      statement: 1,
    });
  });
});

describe("the body of a batch", () => {
  it.each<[unknown, string, number | undefined]>([
    [{ statements: {} }, '"statements" is an object', undefined],
    [{ statements: "select 1" }, '"statements" is a string', undefined],
    [{ statements: [], sql: "select 1" }, 'both "sql" and "statements"', undefined],
    [{ statements: ["select 1"] }, "A statement is a string", 0],
    [{ statements: [{ sql: "select 1" }, null] }, "A statement is null", 1],
    [{ statements: [{ sql: "select 1" }, {}] }, '"sql" is missing', 1],
    [{ statements: [{ sql: "select 1" }, { sql: 1 }] }, '"sql" is a number', 1],
    [{ statements: [{ sql: "select 1" }, { sql: "select 1", params: 5 }] }, '"params" is a number', 1],
    [{ statements: [{ sql: "select $1::text", params: ["a\0b"] }] }, "NUL", 0],
    [{ statements: [{ sql: "select 1" }, { sql: "select '\ud800'" }] }, "surrogate", 1],
    [{ statements: [{ sql: "select $1::int", params: [] }] }, "The statement takes 1 parameter", 0],
    [{ statements: [{ sql: "select 1" }], isolation: "chaos" }, '"isolation" must be one of', undefined],
    [{ statements: [{ sql: "select 1" }], isolation: "READ COMMITTED" }, '"isolation" must be one of', undefined],
    [{ statements: [{ sql: "select 1" }], isolation: "serializable'; drop table users; --" }, '"isolation"', undefined],
    [{ statements: [{ sql: "select 1" }], read_only: "yes" }, '"read_only" is a string', undefined],
    [{ statements: [{ sql: "select 1" }], deferrable: 1 }, '"deferrable" is a number', undefined],
    [{ statements: Array.from({ length: 1_001 }, () => ({ sql: "select 1" })) }, "1000 at most", undefined],
  ])("is refused as INVALID_REQUEST when it has another form: %j", async (body, message, statement) => {
    const answer = await post(gateway.url, tenant.token, body);
    expect([answer.status, answer.body.code, answer.body.statement]).toEqual([400, "INVALID_REQUEST", statement]);
    expect(answer.body.error).toContain(message);
  });

  it("may have keys with escapes, and the last of several equal keys counts", async () => {
    const body = String.raw`{"statements":[{"sql":"no"}],"state\u006dents":[{"sql":"select $1::numeric as n","params":[1],"params":[1.10]}]}`;
    expect((await post(gateway.url, tenant.token, body)).body).toEqual({
      results: [{ rows: [{ n: "1.10" }], row_count: 1 }],
    });
  });
});

describe("a batch happens as a whole or not at all", () => {
  it.each<[string, Statement, object]>([
    ["does not parse", "selec 1", { code: "PARSE_ERROR", reason: "SYNTAX_ERROR" }],
    ["holds two", "select 1; select 2", { code: "PARSE_ERROR", reason: "MULTIPLE_STATEMENTS" }],
    ["is empty", " -- nothing", { code: "PARSE_ERROR", reason: "EMPTY_QUERY" }],
    ["commits", "commit", { code: "PARSE_ERROR", reason: "STATEMENT_NOT_SUPPORTED" }],
    ["rolls back", "rollback", { code: "PARSE_ERROR", reason: "STATEMENT_NOT_SUPPORTED" }],
    ["begins", "begin", { code: "PARSE_ERROR", reason: "STATEMENT_NOT_SUPPORTED" }],
    ["makes a savepoint", "savepoint a", { code: "PARSE_ERROR", reason: "STATEMENT_NOT_SUPPORTED" }],
    ["prepares a commit", "prepare transaction 'a'", { code: "PARSE_ERROR", reason: "STATEMENT_NOT_SUPPORTED" }],
    ["changes the transaction", "set transaction read write", { code: "PARSE_ERROR" }],
    ["changes the timeout", "set local statement_timeout = 0", { code: "PARSE_ERROR" }],
    ["calls set_config", "select set_config('statement_timeout', '0', true)", { reason: "FUNCTION_NOT_ALLOWED" }],
    ["takes the role off", "reset role", { code: "PARSE_ERROR", reason: "STATEMENT_NOT_SUPPORTED" }],
    ["defers constraints", "set constraints all deferred", { code: "PARSE_ERROR", reason: "STATEMENT_NOT_SUPPORTED" }],
    ["locks a table", "lock table users", { code: "PARSE_ERROR", reason: "STATEMENT_NOT_SUPPORTED" }],
    ["makes a temporary table", "create temp table t (id int)", { code: "PARSE_ERROR" }],
    ["opens a cursor", "declare c cursor with hold for select 1", { code: "PARSE_ERROR" }],
    ["prepares a name of ours", "prepare postgate_settings as select 1", { code: "PARSE_ERROR" }],
    ["reads another schema", "select * from public.postgate_tokens", { reason: "QUALIFIED_NAME" }],
    ["fails", "select 1 / (select 0)", { code: "DATABASE_ERROR", sqlstate: "22012" }],
  ])("a batch in which a statement %s changes nothing, and the error names it", async (_, statement, error) => {
    const { body } = await send([insert(1), statement, insert(2)]);
    expect(body).toMatchObject({ ...error, statement: 1 });
    expect(await countUsers()).toBe(0);
  });

  it("all statements of a batch are judged before the first one runs", async () => {
    const { body } = await send(["select 1 / (select 0)", "commit"]);
    expect(body).toMatchObject({ code: "PARSE_ERROR", statement: 1 });
  });

  it.each<[string, Statement[], object]>([
    [
      "rows of all results together",
      ["select generate_series(1, 6)", "select generate_series(1, 6)"],
      { code: "ROW_LIMIT_EXCEEDED", max_rows: 10, statement: 2 },
    ],
    [
      "bytes of all results together",
      ["select repeat('x', 40000)", "select repeat('x', 40000)"],
      { code: "RESULT_TOO_LARGE" },
    ],
    [
      "bytes that PostgreSQL sends",
      Array.from({ length: 6 }, () => "select repeat('x', 60000)"),
      { code: "RESULT_TOO_LARGE" },
    ],
    [
      "the time of all together",
      Array.from({ length: 9 }, () => "select count(*) from generate_series(1, 4000000)"),
      { code: "TIMEOUT" },
    ],
  ])("a batch that exceeds the limit of %s changes nothing", async (_, statements, error) => {
    expect((await send([insert(1), ...statements])).body).toMatchObject(error);
    expect(await countUsers()).toBe(0);
  });

  it("the limit of SQL text holds for all texts together, and a repeated text counts once", async () => {
    const long = (n: number): string => `select ${n} /* ${"x".repeat(8_000)} */`;
    expect((await send([long(1), long(1), long(1), long(2)])).status).toBe(200);
    expect((await send([long(1), long(2), long(3)])).body).toMatchObject({
      code: "PARSE_ERROR",
      reason: "TOO_COMPLEX",
      statement: 2,
    });
  });

  it("a batch needs the permissions of all of its statements", async () => {
    const reader = await tenant.withPermissions("SELECT");
    expect((await send(["select 1", insert(1)], {}, reader)).body).toMatchObject({
      reason: "OPERATION_NOT_ALLOWED",
      statement: 1,
    });
    expect((await send(["select 1", "select 2"], { isolation: "repeatable read" }, reader)).status).toBe(200);
  });

  it("the error of a failed commit names no statement", async () => {
    await tenant.rows("create table links (id int references users deferrable initially deferred)");
    const { body } = await send([insert(1), "insert into links values (9)"]);
    expect(body).toMatchObject({ code: "DATABASE_ERROR", sqlstate: "23503" });
    expect(body).not.toHaveProperty("statement");
    expect(await countUsers()).toBe(0);
  });
});

describe("a batch on every kind of database", () => {
  it("creates the roles of a new tenant", async () => {
    const [row] = await gateway.database.query("select id from public.create_tenant_database('fresh')");
    const fresh = await gateway.tenantOf(String(row?.id));
    const { body } = await send(["create table t (id int)", "insert into t values (1)", "select id from t"], {}, fresh);
    expect(body.results[2]).toEqual({ rows: [{ id: 1 }], row_count: 1 });
  });

  it("happens as a whole or not at all on the admin database", async () => {
    const create: Statement = { sql: "select id from create_tenant_database($1)", params: ["made in a batch"] };
    const list = "select count(*) as n from postgate_databases where name = 'made in a batch'";
    expect((await send([create, create, list], {}, gateway.admin)).body.results[2].rows).toEqual([{ n: 2 }]);
    expect((await send([create, "select 1 / (select 0)"], {}, gateway.admin)).status).toBe(500);
    expect(await gateway.admin.rows(list)).toEqual([{ n: 2 }]);
  });

  it("happens as a whole or not at all on a dedicated database", async () => {
    const { host, port, user, database } = gateway.database.connection;
    const url = `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}&sslmode=disable`;
    const [row] = await gateway.database.query(
      "insert into postgate_databases (name, backend_type, connection_string, max_rows) values ('own', 'dedicated', $1, 5) returning id",
      [url],
    );
    const own = await gateway.tenantOf(String(row?.id));
    expect((await send(["create table mine (id int)", "insert into mine values (1)"], {}, own)).status).toBe(200);
    expect((await send(["insert into mine values (2)", "select 1 / (select 0)"], {}, own)).body).toMatchObject({
      statement: 1,
    });
    expect((await send(["select id from mine"], {}, own)).body.results[0]).toEqual({ rows: [{ id: 1 }], row_count: 1 });
  });

  it("leaves nothing behind for the next tenant on the same connection", async () => {
    const other = await gateway.createTenant({ name: "other" });
    const users = "select count(*) as n from users";
    for (let round = 0; round < 5; round++) {
      expect((await send([insert(7), users, "delete from users where id = 7"])).status).toBe(200);
      expect((await send(["select 1", users], {}, other)).body).toMatchObject({ sqlstate: "42P01", statement: 1 });
    }
  });
});
