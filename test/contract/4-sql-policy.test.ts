// Section 4 of the public contract: the SQL policy, over HTTP.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PERMISSIONS, type Permission } from "../../src/base/permissions.ts";
import { startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

let gateway: TestGateway;
let tenant: TestTenant;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.createTenant();
  for (const sql of [
    "create table notes (id serial primary key, body text, n int default 0)",
    "create table others (id int primary key, note_id int)",
    "create sequence counter",
    "create view all_notes as select id, body from notes",
    "create materialized view counted as select count(*) as n from notes",
    "create type mood as enum ('sad', 'ok')",
    "create domain positive as int check (value > 0)",
  ])
    await tenant.rows(sql);
});
afterAll(() => gateway.close());

describe("a refusal of the SQL policy", () => {
  it.each([
    ["SYNTAX_ERROR", "select from where", /syntax error/],
    ["EMPTY_QUERY", "", /^Empty query$/],
    ["EMPTY_QUERY", " ; ", /^Empty query$/],
    ["EMPTY_QUERY", "-- nothing", /^Empty query$/],
    ["MULTIPLE_STATEMENTS", "select 1; select 2", /^Multiple statements not allowed$/],
    ["STATEMENT_NOT_SUPPORTED", "copy notes to stdout", /^Unsupported statement type: COPY$/],
    ["QUALIFIED_NAME", "select * from public.users", /^Qualified table names are not allowed: 'public\.users'$/],
    ["QUALIFIED_NAME", "select * from information_schema.tables", /'information_schema\.tables'/],
    ["SYSTEM_OBJECT", "select * from pg_tables", /^System table access is not allowed: 'pg_tables'$/],
    ["FUNCTION_NOT_ALLOWED", "select pg_sleep(10)", /pg_sleep/],
    ["TOO_COMPLEX", `select '${"x".repeat(257 * 1024)}'`, /./],
  ])("has the reason %s and its message for: %.60s", async (reason, sql, message) => {
    expect(await tenant.query(sql)).toMatchObject({
      status: 400,
      body: { code: "PARSE_ERROR", reason, error: expect.stringMatching(message) as string },
    });
  });

  it("with the reason OPERATION_NOT_ALLOWED names the operation", async () => {
    const reader = await tenant.withPermissions("SELECT");
    expect((await reader.query("delete from notes")).body).toMatchObject({
      error: "Operation DELETE is not allowed",
      code: "PARSE_ERROR",
      reason: "OPERATION_NOT_ALLOWED",
    });
  });
});

describe("a statement needs the permissions of all of its parts", () => {
  it.each<[string, Permission[]]>([
    ["select 1", ["SELECT"]],
    ["values (1)", ["SELECT"]],
    ["table notes", ["SELECT"]],
    ["insert into notes (body) values ('x')", ["INSERT"]],
    ["insert into notes (body) select 'x' from others", ["INSERT", "SELECT"]],
    ["insert into notes (body) values ('x') returning id", ["INSERT", "SELECT"]],
    ["insert into others (id) values (1) on conflict (id) do update set note_id = 2", ["INSERT", "UPDATE"]],
    ["insert into others (id) values (1) on conflict do nothing", ["INSERT"]],
    ["update notes set n = n + 1", ["UPDATE"]],
    ["update notes set n = 1 where id in (select note_id from others)", ["UPDATE", "SELECT"]],
    ["delete from notes where id = -1", ["DELETE"]],
    ["delete from notes where id = -1 returning *", ["DELETE", "SELECT"]],
    ["with gone as (delete from notes where id = -1 returning *) select * from gone", ["DELETE", "SELECT"]],
    ["with made as (insert into notes (body) values ('y') returning id) select * from made", ["INSERT", "SELECT"]],
    [
      "merge into others o using notes n on o.id = n.id when matched then update set note_id = n.id when not matched then insert (id) values (n.id)",
      ["SELECT", "UPDATE", "INSERT"],
    ],
    ["select * from notes for update", ["SELECT", "UPDATE"]],
    ["select nextval('counter')", ["SELECT", "INSERT"]],
    ["select setval('counter', 5)", ["SELECT", "UPDATE"]],
    ["select id into copied from notes", ["SELECT", "CREATE"]],
    ["create table plain (id int default nextval('counter'))", ["CREATE"]],
    ["create table filled as select * from notes", ["CREATE", "SELECT"]],
    ["create index on notes (body)", ["CREATE"]],
    ["create view made_view as select * from notes", ["CREATE", "SELECT"]],
    ["create sequence made_sequence", ["CREATE"]],
    ["create type made_type as enum ('a')", ["CREATE"]],
    ["create domain made_domain as text", ["CREATE"]],
    ["alter table notes add column extra int", ["ALTER"]],
    ["alter table notes rename column extra to renamed", ["ALTER"]],
    ["alter type mood add value 'great'", ["ALTER"]],
    ["refresh materialized view counted", ["ALTER"]],
    ["drop table plain", ["DROP"]],
    ["truncate others", ["DROP"]],
    ["explain select * from notes", ["SELECT"]],
    ["explain (format json, costs off) delete from notes", ["DELETE"]],
  ])("%s runs only with the permissions %j", async (sql, needed) => {
    for (const missing of needed) {
      const without = await tenant.withPermissions(
        ...PERMISSIONS.filter(
          (permission) =>
            permission !== missing && !(sql.includes("nextval") && missing === "INSERT" && permission === "UPDATE"),
        ),
      );
      expect((await without.query(sql)).body).toMatchObject({ reason: "OPERATION_NOT_ALLOWED" });
    }
    const exactly = await tenant.withPermissions(...needed);
    const answer = await exactly.query(sql);
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
  });
});

describe("a statement outside the allow-lists", () => {
  it.each([
    "set role postgres",
    "set search_path = public",
    "reset all",
    "show search_path",
    "copy notes from '/etc/passwd'",
    "do $$ begin end $$",
    "call something()",
    "grant select on notes to public",
    "revoke select on notes from public",
    "comment on table notes is 'x'",
    "lock table notes",
    "listen x",
    "notify x",
    "prepare p as select 1",
    "execute p",
    "deallocate all",
    "declare c cursor for select 1",
    "fetch c",
    "begin",
    "commit",
    "rollback",
    "savepoint s",
    "create function f() returns int language sql as 'select 1'",
    "create role r",
    "create schema s",
    "create extension hstore",
    "create trigger t before insert on notes execute function f()",
    "create rule r as on insert to notes do nothing",
    "create policy p on notes",
    "alter table notes owner to postgres",
    "alter table notes set schema public",
    "alter table notes enable row level security",
    "vacuum",
    "analyze notes",
    "explain analyze select 1",
    "create table t (id int) tablespace pg_default",
    "create index concurrently on notes (body)",
    "create temp table t (id int)",
    "drop schema public cascade",
    "security label on table notes is 'x'",
    "discard all",
    "checkpoint",
    "load 'x'",
    "reindex table notes",
    "cluster notes",
  ])("is refused as STATEMENT_NOT_SUPPORTED: %s", async (sql) => {
    expect(await tenant.query(sql)).toMatchObject({
      status: 400,
      body: { code: "PARSE_ERROR", reason: "STATEMENT_NOT_SUPPORTED" },
    });
  });

  it.each([
    ["a qualified type", "select 1::pg_catalog.int4", "QUALIFIED_NAME"],
    ["a qualified function", "select pg_catalog.now()", "QUALIFIED_NAME"],
    ["a qualified operator", "select 1 operator(pg_catalog.+) 1", "QUALIFIED_NAME"],
    ["a qualified collation", 'select body collate pg_catalog."C" from notes', "QUALIFIED_NAME"],
    ["a foreign key to another schema", "create table t (id int references public.users (id))", "QUALIFIED_NAME"],
    ["a sequence's name as text", "select nextval('public.seq')", "QUALIFIED_NAME"],
    ["a function by attribute notation", "select ('/etc/passwd'::text).pg_read_file", "FUNCTION_NOT_ALLOWED"],
    [
      "a function by column notation",
      "select x.pg_read_file from unnest(array['/etc/passwd']) x",
      "FUNCTION_NOT_ALLOWED",
    ],
    ["set_config", "select set_config('role', 'postgres', false)", "FUNCTION_NOT_ALLOWED"],
    ["query_to_xml", "select query_to_xml('select 1', true, true, '')", "FUNCTION_NOT_ALLOWED"],
    ["a type that takes a built-in one's name", "create type uuid as enum ('a')", "SYSTEM_OBJECT"],
    ["a relation named like a catalog", "create table pg_class (id int)", "SYSTEM_OBJECT"],
  ])("is refused when it holds %s", async (_what, sql, reason) => {
    expect((await tenant.query(sql)).body).toMatchObject({ code: "PARSE_ERROR", reason });
  });

  it("does not include a call of one of the two helpers with its schema's name, which is allowed", async () => {
    expect((await tenant.query("select table_name from postgate_helpers.list_tables()")).status).toBe(200);
    expect((await tenant.query("select * from postgate_helpers.list_tables")).body).toMatchObject({
      reason: "QUALIFIED_NAME",
    });
    expect((await tenant.query("select postgate_helpers.other()")).body).toMatchObject({ code: "PARSE_ERROR" });
  });
});
