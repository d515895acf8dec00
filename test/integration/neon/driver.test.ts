// Neon's own driver, unmodified, against a gateway: what its users see.

import { neon, neonConfig, NeonDbError, type NeonQueryFunction } from "@neondatabase/serverless";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../../src/postgres/connect.ts";
import { startTestGateway, type TestGateway, type TestTenant } from "../../support/gateway.ts";
import { someoneWaits } from "../../support/someone-waits.ts";

type Sql<Array extends boolean = false, Full extends boolean = false> = NeonQueryFunction<Array, Full>;

let gateway: TestGateway;
let tenant: TestTenant;
let sql: Sql;

/** A connection to PostgreSQL itself. */
let direct: pg.Client;

const urlOf = (token: string): string => `postgresql://app:${token}@db.example.com/acme`;

beforeAll(async () => {
  gateway = await startTestGateway({
    config: { neon: true, queryTimeoutMs: 1_500, maxResultBytes: 256 * 1024, maxBodyBytes: 1024 * 1024 },
  });
  neonConfig.fetchEndpoint = `${gateway.url}/sql`;
  tenant = await gateway.createTenant({ name: "acme", maxRows: 100 });
  direct = new pg.Client({ ...gateway.database.connection, options: "-c TimeZone=UTC" });
  await direct.connect();
  sql = neon(urlOf(tenant.token));
  await tenant.rows("create type mood as enum ('happy', 'sad')");
  await tenant.rows("create domain even as int constraint is_even check (value % 2 = 0)");
  await tenant.rows(
    "create table users (id int primary key, name text not null unique, mood mood, age int constraint adult check (age >= 18), n even)",
  );
  await tenant.rows("create table posts (id int, author int constraint posts_author references users)");
});
beforeEach(() => tenant.rows("truncate users, posts"));
afterAll(async () => {
  await direct.end();
  await gateway.close();
});

/** One value of every type of PostgreSQL that a column may have. */
const TYPED_TEXTS: readonly (readonly [type: string, text: string])[] = [
  ["bool", "t"],
  ["int2", "-32768"],
  ["int4", "2147483647"],
  ["int8", "9007199254740993"],
  ["oid", "4294967295"],
  ["float4", "0.1"],
  ["float8", "-Infinity"],
  ["numeric", "12345678901234567890.10"],
  ["money", "$1,234.50"],
  ["text", 'a "b", {c}'],
  ["varchar", ""],
  ["bpchar", "a "],
  ["name", "n"],
  ['"char"', "c"],
  ["bytea", "\\x00ff"],
  ["json", '{"a": [1.10, null]}'],
  ["jsonb", '{"a": [1.10, null]}'],
  ["jsonpath", "$.a[*]"],
  ["date", "2026-02-03"],
  ["time", "04:05:06.789"],
  ["timetz", "04:05:06+02"],
  ["timestamp", "2026-02-03 04:05:06.789"],
  ["timestamptz", "2026-02-03 04:05:06.789+02"],
  ["interval", "1 year 2 days 03:04:05.6"],
  ["uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
  ["inet", "192.168.0.1/24"],
  ["cidr", "10.0.0.0/8"],
  ["macaddr", "08:00:2b:01:02:03"],
  ["macaddr8", "08:00:2b:01:02:03:04:05"],
  ["bit(3)", "101"],
  ["varbit", "10"],
  ["point", "(1,2.5)"],
  ["line", "{1,2,3}"],
  ["lseg", "[(1,2),(3,4)]"],
  ["box", "(3,4),(1,2)"],
  ["path", "((1,2),(3,4))"],
  ["polygon", "((1,2),(3,4))"],
  ["circle", "<(1,2),3>"],
  ["tsvector", "'a' 'b'".replaceAll("'", "''")],
  ["tsquery", "a & b"],
  ["int4range", "[1,5)"],
  ["int8range", "[1,5)"],
  ["numrange", "[1.5,2)"],
  ["daterange", "[2026-02-03,2026-02-05)"],
  ["tsrange", "[2026-02-03 04:05:06,)"],
  ["tstzrange", "(,2026-02-03 04:05:06+00]"],
  ["int4multirange", "{[1,2),[4,5)}"],
];

describe("values", () => {
  it.each<[string, unknown]>([
    ["1::int2", 1],
    ["42::int4", 42],
    ["9007199254740993::int8", "9007199254740993"],
    ["1.50::numeric(10,2)", "1.50"],
    ["1.5::float4", 1.5],
    ["0.1::float8", 0.1],
    ["'NaN'::float8", Number.NaN],
    ["true", true],
    ["'text with \"quotes\", é, 😀'::text", 'text with "quotes", é, 😀'],
    ["'ab'::varchar(5)", "ab"],
    ["'a'::char(3)", "a  "],
    ["'\\x00ff'::bytea", Buffer.from([0, 255])],
    ["'{\"a\": [1, null]}'::json", { a: [1, null] }],
    ["'{\"a\": [1, null]}'::jsonb", { a: [1, null] }],
    ["'2026-02-03 04:05:06.789+00'::timestamptz", new Date("2026-02-03T04:05:06.789Z")],
    ["'04:05:06'::time", "04:05:06"],
    ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    ["'192.168.0.1/24'::inet", "192.168.0.1/24"],
    ["'[1,5)'::int4range", "[1,5)"],
    ["12.34::money", "$12.34"],
    ["'happy'::mood", "happy"],
    ["4::even", 4],
    ["row(1, 'a')", "(1,a)"],
    ["null::int", null],
    ["''::text", ""],
    ["array[1, null, 3]", [1, null, 3]],
    ["array['a', null, 'b,c', 'NULL']", ["a", null, "b,c", "NULL"]],
    [
      "array[[1, 2], [3, 4]]",
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ["'{}'::int[]", []],
    ["'{}'::text[]", []],
    ["array[true, false]", [true, false]],
    ["array[1.5::float8]", [1.5]],
    ["array['{\"a\": 1}'::jsonb]", [{ a: 1 }]],
    ["array['happy'::mood]", "{happy}"],
  ])("%s come back as the driver parses them", async (expression, value) => {
    expect(await sql.query(`select ${expression} as v`)).toEqual([{ v: value }]);
  });

  it.each(TYPED_TEXTS)("of type %s and arrays of it are what pg's own driver gives", async (type, text) => {
    const query = `select '${text}'::${type} as v, array['${text}'::${type}, null] as a, '{}'::${type}[] as e`;
    expect(await sql.query(query)).toEqual((await direct.query(query)).rows);
  });

  it.each<[string, string, unknown, unknown]>([
    ["a number", "$1::int", 42, 42],
    ["a bigint", "$1::int8", 9007199254740993n, "9007199254740993"],
    ["a string", "$1::text", "it's", "it's"],
    ["a boolean", "$1::bool", true, true],
    ["null", "$1::text", null, null],
    ["a date", "$1::timestamptz", new Date("2026-02-03T04:05:06.789Z"), new Date("2026-02-03T04:05:06.789Z")],
    ["bytes", "$1::bytea", Buffer.from([1, 255]), Buffer.from([1, 255])],
    ["an array of numbers", "$1::int[]", [1, null, 3], [1, null, 3]],
    ["an array of strings", "$1::text[]", ["a", 'b"c', "d,e"], ["a", 'b"c', "d,e"]],
    ["a nested array", "$1::int[]", [[1], [2]], [[1], [2]]],
    ["an object", "$1::jsonb", { a: [1, "x"] }, { a: [1, "x"] }],
    ["a value of no type", "$1", 42, "42"],
  ])("%s is taken as a parameter", async (_, expression, parameter, value) => {
    expect(await sql.query(`select ${expression} as v`, [parameter])).toEqual([{ v: value }]);
  });
});

describe("queries", () => {
  it("come from a tagged template", async () => {
    const [name, age] = ["Alice", 30];
    await sql`insert into users (id, name, age) values (${1}, ${name}, ${age})`;
    expect(await sql`select name, age from users where id = ${1}`).toEqual([{ name, age }]);
  });

  it("compose from templates", async () => {
    await sql`insert into users (id, name) values (1, 'a'), (2, 'b')`;
    const filter = sql`id = ${2}`;
    expect(await sql`select name from users where ${filter}`).toEqual([{ name: "b" }]);
  });

  it("answer rows as arrays", async () => {
    const arrays = neon(urlOf(tenant.token), { arrayMode: true });
    expect(await arrays.query("select 1 as n, 2 as n")).toEqual([[1, 2]]);
  });

  it("keep the last of columns with one name in objects", async () => {
    expect(await sql.query("select 1 as n, 2 as n")).toEqual([{ n: 2 }]);
  });

  it("tell all of a result", async () => {
    const full = neon(urlOf(tenant.token), { fullResults: true });
    await sql`insert into users (id, name) values (1, 'a')`;
    const [oid] = await gateway.database.query("select oid::int from pg_class where relname = 'users'");
    const result = await full.query("select id, name, 'x'::varchar(7) as v from users");
    expect(result).toMatchObject({
      command: "SELECT",
      rowCount: 1,
      rowAsArray: false,
      rows: [{ id: 1, name: "a", v: "x" }],
      fields: [
        {
          name: "id",
          dataTypeID: 23,
          tableID: oid?.oid as number,
          columnID: 1,
          dataTypeSize: 4,
          dataTypeModifier: -1,
          format: "text",
        },
        { name: "name", dataTypeID: 25, columnID: 2, dataTypeSize: -1 },
        { name: "v", dataTypeID: 1043, tableID: 0, columnID: 0, dataTypeModifier: 11 },
      ],
    });
  });

  it.each<[string, string, number | null]>([
    ["insert into users (id, name) values (1, 'a'), (2, 'b')", "INSERT", 2],
    ["update users set age = 20", "UPDATE", 0],
    ["delete from users", "DELETE", 0],
    ["create table made (id int)", "CREATE", null],
    ["drop table made", "DROP", null],
    ["truncate posts", "TRUNCATE", null],
  ])("tell of %s", async (text, command, rowCount) => {
    const full = neon(urlOf(tenant.token), { fullResults: true });
    expect(await full.query(text)).toMatchObject({ command, rowCount, rows: [], fields: [] });
  });

  it("take the token as a bearer token, too", async () => {
    const bearer = neon("postgresql://app@db.example.com/acme", { authToken: tenant.token });
    expect(await bearer.query("select 1 as n")).toEqual([{ n: 1 }]);
  });

  it("take the token from a function", async () => {
    const bearer = neon("postgresql://app@db.example.com/acme", { authToken: () => Promise.resolve(tenant.token) });
    expect(await bearer.query("select 1 as n")).toEqual([{ n: 1 }]);
  });

  it("are given up with a signal, and cancelled", async () => {
    const client = new AbortController();
    const running = sql.query("select count(*) from generate_series(1, 1000000000)", [], {
      fetchOptions: { signal: client.signal },
    });
    const outcome = expect(running).rejects.toThrow(/abort/i);
    await expect.poll(isCounting, { interval: 20 }).toBe(true);
    client.abort();
    await outcome;
    await expect.poll(isCounting).toBe(false);
  });

  it("that are given up before they are sent are not sent", async () => {
    const fetchOptions = { signal: AbortSignal.abort() };
    await expect(sql.query("insert into users (id, name) values (1, 'a')", [], { fetchOptions })).rejects.toThrow(
      /abort/i,
    );
    expect(await sql`select id from users`).toEqual([]);
  });
});

/** Whether a query is running that counts to a thousand million. */
async function isCounting(): Promise<boolean> {
  const rows = await gateway.database.query(
    "select 1 from pg_stat_activity where query like '%1000000000%' and state = 'active' and pid <> pg_backend_pid()",
  );
  return rows.length > 0;
}

describe("transactions", () => {
  const count = async (): Promise<unknown> => (await sql`select count(*)::int as n from users`)[0]?.["n"];

  it("answer every query", async () => {
    const results = await sql.transaction([
      sql`insert into users (id, name) values (1, 'a')`,
      sql`select name from users`,
      sql`delete from users returning id`,
    ]);
    expect(results).toEqual([[], [{ name: "a" }], [{ id: 1 }]]);
  });

  it("may be written as a function", async () => {
    expect(await sql.transaction((tx) => [tx`select ${1}::int as n`, tx`select ${"b"} as v`])).toEqual([
      [{ n: 1 }],
      [{ v: "b" }],
    ]);
  });

  it("may be empty", async () => {
    expect(await sql.transaction([])).toEqual([]);
  });

  it("undo all when one query fails", async () => {
    await expect(
      sql.transaction([sql`insert into users (id, name) values (1, 'a')`, sql`select 1 / ${0}::int`]),
    ).rejects.toThrow("division by zero");
    expect(await count()).toBe(0);
  });

  it.each([
    ["ReadUncommitted", 1],
    ["ReadCommitted", 1],
    ["RepeatableRead", 0],
    ["Serializable", 0],
  ] as const)("at %s see %i of the rows that others commit meanwhile", async (isolationLevel, seen) => {
    const other = await connect(gateway.database.connection);
    const [row] = await gateway.database.query(
      "select relnamespace::regnamespace as name from pg_class where relname = 'posts'",
    );
    const schema = String(row?.name);
    await other.query(`begin; lock table ${schema}.posts`);
    const running = sql.transaction([sql`select id from users`, sql`select id from posts`, sql`select id from users`], {
      isolationLevel,
    });
    const outcome = expect(running).resolves.toMatchObject([[], [], { length: seen }]);
    await expect.poll(() => someoneWaits(gateway.database), { interval: 20 }).toBe(true);
    await gateway.database.query(`insert into ${schema}.users (id, name) values (1, 'meanwhile')`);
    await other.end();
    await outcome;
  });

  it("refuse a write where they are read-only", async () => {
    const writing = sql.transaction([sql`insert into users (id, name) values (1, 'a')`], { readOnly: true });
    await expect(writing).rejects.toMatchObject({ code: "25006" });
    expect(await count()).toBe(0);
  });

  it("are given up with a signal, cancelled, and undone", async () => {
    const client = new AbortController();
    const running = sql.transaction(
      [sql`insert into users (id, name) values (1, 'a')`, sql`select count(*) from generate_series(1, 1000000000)`],
      { fetchOptions: { signal: client.signal } },
    );
    const outcome = expect(running).rejects.toThrow(/abort/i);
    await expect.poll(isCounting, { interval: 20 }).toBe(true);
    client.abort();
    await outcome;
    await expect.poll(isCounting).toBe(false);
    expect(await count()).toBe(0);
  });

  it("are deferrable where they ask for it", async () => {
    const options = { isolationLevel: "Serializable", readOnly: true, deferrable: true } as const;
    expect(await sql.transaction([sql`select 1 as n`], options)).toEqual([[{ n: 1 }]]);
  });

  it("tell all of each result, as arrays", async () => {
    const options = { fullResults: true, arrayMode: true } as const;
    expect(await sql.transaction([sql`select 1 as n`, sql`truncate posts`], options)).toMatchObject([
      { command: "SELECT", rowCount: 1, rowAsArray: true, rows: [[1]] },
      { command: "TRUNCATE", rowCount: null, rows: [] },
    ]);
  });
});

describe("errors", () => {
  const errorOf = async (query: Promise<unknown>): Promise<NeonDbError> => {
    const error: unknown = await query.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(NeonDbError);
    return error as NeonDbError;
  };

  it.each<[string, readonly unknown[], Partial<NeonDbError>]>([
    ["selec 1", [], { code: "42601", severity: "ERROR", position: "1" }],
    ["select * from nowhere", [], { code: "42P01", position: "15", message: 'relation "nowhere" does not exist' }],
    ["select nothing from users", [], { code: "42703", position: "8" }],
    ["select no_such_function(1)", [], { code: "42501" }],
    [
      "insert into users (id, name) values (1, 'a'), (1, 'b')",
      [],
      { code: "23505", constraint: "users_pkey", table: "users", detail: "Key (id)=(1) already exists." },
    ],
    ["insert into users (id) values (1)", [], { code: "23502", column: "name", table: "users" }],
    [
      "insert into users (id, name, age) values (1, 'a', 3)",
      [],
      { code: "23514", constraint: "adult", table: "users" },
    ],
    ["insert into users (id, name, n) values (1, 'a', 3)", [], { code: "23514", constraint: "is_even" }],
    ["insert into posts values (1, 99)", [], { code: "23503", constraint: "posts_author", table: "posts" }],
    ["select 1 / $1::int", [0], { code: "22012", message: "division by zero" }],
    ["select $1::int", ["abc"], { code: "22P02" }],
    ["select 'x'::mood", [], { code: "22P02", position: "8" }],
    ["select 300000::int2", [], { code: "22003" }],
    ["select '2026-13-45'::date", [], { code: "22008" }],
    ["select '{'::json", [], { code: "22P02", detail: "The input string ended unexpectedly." }],
    ["select 1; select 2", [], { code: "42601", message: "Multiple statements not allowed" }],
    ["", [], { code: "42601", message: "Empty query" }],
    [
      "select * from public.users",
      [],
      { code: "42501", message: "Qualified table names are not allowed: 'public.users'" },
    ],
    ["select * from pg_tables", [], { code: "42501" }],
    ["begin", [], { code: "0A000" }],
    ["set search_path = public", [], { code: "0A000" }],
    ["create schema drizzle", [], { code: "0A000" }],
    ["select generate_series(1, 101)", [], { code: "54000", message: "Row limit exceeded (max: 100)" }],
    ["select count(*) from generate_series(1, 1000000000)", [], { code: "57014", message: "Query timeout" }],
    ["select $1::int + $2::int", [1], { code: "08P01", message: "The statement takes 2 parameters, but 1 were given" }],
  ])("of %s have PostgreSQL's fields", async (text, params, fields) => {
    expect(await errorOf(sql.query(text, [...params]))).toMatchObject({ name: "NeonDbError", ...fields });
  });

  it("name what a token may not do", async () => {
    const reader = await tenant.withPermissions("SELECT");
    const error = await errorOf(neon(urlOf(reader.token)).query("delete from users"));
    expect(error).toMatchObject({ code: "42501", message: "Operation DELETE is not allowed", severity: "ERROR" });
  });

  it.each([
    ["unknown", `postgresql://app:pg_${"0".repeat(64)}@db.example.com/acme`],
    ["of another form", "postgresql://app:hunter2@db.example.com/acme"],
    ["missing", "postgresql://app@db.example.com/acme"],
  ])("say that the password is wrong where the token is %s", async (_, url) => {
    const error = await errorOf(neon(url).query("select 1"));
    expect(error).toMatchObject({ code: "28P01", severity: "FATAL" });
    expect(error.message).toContain("password authentication failed");
  });

  it("leave absent fields absent", async () => {
    const error = await errorOf(sql.query("select 1 / 0"));
    for (const field of ["table", "column", "constraint", "hint", "detail", "internalQuery"] as const)
      expect(error[field]).toBeUndefined();
  });

  it("show the answer's size as what the driver shows of other failures", async () => {
    await expect(sql.query("select repeat('x', 300000)")).rejects.toThrow(/HTTP status 507.*54000/);
    await expect(sql.query("select $1::text", ["x".repeat(2_000_000)])).rejects.toThrow(/HTTP status 413.*54000/);
  });
});
