import { describe, expect, it } from "vitest";
import { createJudge } from "../../../src/policy/create-judge.ts";
import { PERMISSIONS } from "../../../src/base/permissions.ts";

const judge = createJudge();

async function changeOf(sql: string) {
  const permissions = new Set(PERMISSIONS);
  return (await judge.approve(sql, { kind: "tenant", permissions, tenant: "t" })).schemaChange;
}

describe("schemaChangeOf", () => {
  it.each([
    ["create table t (id int)", 1],
    ["create table t (id serial primary key, name text unique, other bigint generated always as identity)", 5],
    ["create table t (a int, b int, primary key (a), unique (b), exclude (a with =))", 4],
    ["create table t (a int references u, check (a > 0))", 1],
    ["create table t (a int, s smallserial, b bigserial, c serial4)", 4],
    ["create index on t (a)", 1],
    ["create view v as select 1", 1],
    ["create materialized view v as select 1", 1],
    ["create sequence s", 1],
    ["create table t as select 1", 1],
    ["select 1 into t", 1],
    ["select 1 into t union select 2", 1],
    ["alter table t add unique (a), add primary key (b), add column c serial", 3],
    ["alter table t alter a add generated always as identity", 1],
    ["alter table t add column a int", 0],
    ["create type mood as enum ('sad')", 0],
    ["create domain d as int", 0],
    ["drop table t", 0],
  ])("finds that %s makes %i relations", async (sql, makes) => {
    expect(await changeOf(sql)).toMatchObject({ makes });
  });

  it.each([
    ["create table t (like a including all, like b)", [], ["t", "a", "b"]],
    ["create table t partition of p for values in (1)", [], ["t", "p"]],
    ["create index on t (a)", ["t"], []],
    ["create view v as select * from a", [], []],
    ["alter table p attach partition c for values in (1)", ["c"], ["p"]],
    ["alter table p detach partition c", ["c"], []],
    ["alter table t drop column a", ["t"], []],
    ["alter domain d add check (value > 0)", ["d"], []],
    ["alter type mood add value 'glad'", ["mood"], []],
    ["drop table a, b", ["a", "b"], []],
    ["drop type mood, other cascade", ["mood", "other"], []],
    ["drop domain d", ["d"], []],
    ["alter table t rename to u", ["t"], []],
  ])("finds that %s changes %j and copies the indexes of %j", async (sql, objects, copied) => {
    const change = await changeOf(sql);
    expect(change?.objects.toSorted()).toEqual(objects.toSorted());
    expect(change?.copied.toSorted()).toEqual(copied.toSorted());
  });

  it.each([
    ["drop table a", true],
    ["drop type a", true],
    ["alter table t add a int, drop column b", true],
    ["alter table t alter a type text", true],
    ["alter table t drop constraint c", true],
    ["alter domain d drop constraint c", true],
    ["alter table t add column a int", false],
    ["create index on t (a)", false],
  ])("tells whether a statement may drop dependent objects: %s → %s", async (sql, drops) => {
    expect(await changeOf(sql)).toMatchObject({ drops });
  });

  it.each(["select 1", "insert into t values (1)", "truncate t", "explain create table t as select 1"])(
    "finds that %s leaves the schema as it is",
    async (sql) => {
      expect(await changeOf(sql)).toBeUndefined();
    },
  );
});
