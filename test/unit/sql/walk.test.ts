import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import type { Node } from "@pgsql/types";
import { beforeAll, describe, expect, it } from "vitest";

import { createParser, type Parser } from "../../../src/sql/parse-statement.ts";
import { type VisitedNode, visitTree } from "../../../src/sql/walk.ts";

let parser: Parser;

beforeAll(async () => {
  parser = createParser();
  await parser.ready();
});

function visitedBy(sql: string): VisitedNode[] {
  const visited: VisitedNode[] = [];
  visitTree(parser.parse(sql).tree, (each) => visited.push(each));
  return visited;
}

function relationsOf(sql: string): string[] {
  return visitedBy(sql).flatMap((each) =>
    each.type === "RangeVar" ? [`${each.parent?.type ?? ""}.${each.field ?? ""} ${each.node.relname ?? ""}`] : [],
  );
}

describe("visitTree", () => {
  it.each([
    { sql: "insert into t select * from s", relations: ["InsertStmt.relation t", "SelectStmt.fromClause s"] },
    { sql: "update t set a = 1 from s", relations: ["UpdateStmt.relation t", "UpdateStmt.fromClause s"] },
    { sql: "delete from t using s", relations: ["DeleteStmt.relation t", "DeleteStmt.usingClause s"] },
    {
      sql: "merge into t using s on true when matched then delete",
      relations: ["MergeStmt.relation t", "MergeStmt.sourceRelation s"],
    },
    { sql: "create table t (a int references s)", relations: ["CreateStmt.relation t", "Constraint.pktable s"] },
    { sql: "create table t (like s)", relations: ["CreateStmt.relation t", "TableLikeClause.relation s"] },
    { sql: "create index on t (a)", relations: ["IndexStmt.relation t"] },
    { sql: "create view t as table s", relations: ["ViewStmt.view t", "SelectStmt.fromClause s"] },
    { sql: "create sequence t", relations: ["CreateSeqStmt.sequence t"] },
    {
      sql: "alter table t attach partition s default",
      relations: ["AlterTableStmt.relation t", "PartitionCmd.name s"],
    },
    { sql: "alter table t rename to s", relations: ["RenameStmt.relation t"] },
    { sql: "truncate t, s", relations: ["TruncateStmt.relations t", "TruncateStmt.relations s"] },
    {
      sql: "select 1 into t from s union table u",
      relations: ["SelectStmt.fromClause s", "IntoClause.rel t", "SelectStmt.fromClause u"],
    },
    {
      sql: "with a as (delete from t returning *) select (select 1 from s) from a",
      relations: ["SelectStmt.fromClause s", "SelectStmt.fromClause a", "DeleteStmt.relation t"],
    },
    { sql: "copy t to stdout", relations: ["CopyStmt.relation t"] },
  ])("finds every relation of $sql", ({ sql, relations }) => {
    expect(relationsOf(sql).sort()).toEqual([...relations].sort());
  });

  it("visits a statically typed field with its type and its parent", () => {
    const typeName = visitedBy("select 1::pg_lsn").find((each) => each.type === "TypeName");

    expect(typeName).toMatchObject({ field: "typeName", parent: { type: "TypeCast", field: "val" } });
  });

  it("visits parents before children and children in the order of the tree", () => {
    const types = visitedBy("select a, 1 from t").map((each) => each.type);

    expect(types).toEqual([
      "SelectStmt",
      ...["ResTarget", "ColumnRef", "String"],
      ...["ResTarget", "A_Const", "Integer"],
      "RangeVar",
    ]);
  });

  it("starts at a root without parent or field", () => {
    expect(visitedBy("table t")[0]).toMatchObject({ type: "SelectStmt", parent: undefined, field: undefined });
  });

  it("takes an empty item of a list, as of a plain DISTINCT, for nothing", () => {
    expect(visitedBy("select distinct a").map((each) => each.type)).toEqual([
      "SelectStmt",
      "ResTarget",
      "ColumnRef",
      "String",
    ]);
  });

  it.each<{ name: string; tree: unknown }>([
    { name: "node type", tree: { FutureStmt: {} } },
    { name: "node type below", tree: { SelectStmt: { whereClause: { FutureExpr: {} } } } },
    { name: "node type in a list", tree: { SelectStmt: { targetList: [{ FutureExpr: {} }] } } },
    { name: "field", tree: { SelectStmt: { futureClause: {} } } },
    { name: "field named as something that every object has", tree: { SelectStmt: { constructor: {} } } },
    { name: "enum value", tree: { SelectStmt: { op: "SETOP_FUTURE" } } },
    { name: "node in place of a scalar", tree: { RangeVar: { relname: { FuncCall: {} } } } },
    { name: "node in place of a list", tree: { SelectStmt: { targetList: { FuncCall: {} } } } },
    { name: "scalar in place of a node", tree: { SelectStmt: { whereClause: "x" } } },
    { name: "scalar in place of a typed node", tree: { InsertStmt: { relation: "x" } } },
    { name: "scalar in place of a node's fields", tree: { SelectStmt: "x" } },
  ])("refuses a $name that it does not know", ({ tree }) => {
    expect(() => visitTree(tree as Node, () => undefined)).toThrow(
      expect.objectContaining({
        code: "PARSE_ERROR",
        details: { reason: "STATEMENT_NOT_SUPPORTED" },
      }),
    );
  });

  it("hands no node of an unknown kind to the visitor", () => {
    const visited: string[] = [];

    expect(() => visitTree({ FutureStmt: {} } as unknown as Node, ({ type }) => visited.push(type))).toThrow();
    expect(visited).toEqual([]);
  });

  it("walks a tree that is deeper than any stack", () => {
    let tree: Node = { A_Const: { isnull: true } };
    for (let depth = 0; depth < 40_000; depth += 1) tree = { NullTest: { arg: tree } };
    let count = 0;

    visitTree(tree, () => (count += 1));

    expect(count).toBe(40_001);
  });

  it("refuses more than 50,000 nodes", () => {
    const listOf = (length: number): Node => ({ List: { items: Array.from({ length }, () => ({ A_Star: {} })) } });

    expect(() => visitTree(listOf(49_999), () => undefined)).not.toThrow();
    expect(() => visitTree(listOf(50_000), () => undefined)).toThrow(
      expect.objectContaining({ details: { reason: "TOO_COMPLEX" } }),
    );
  });
});

describe("the schema of parse trees", () => {
  it("is what the generator makes of the installed types", () => {
    const generator = fileURLToPath(new URL("../../../scripts/generate-parse-tree-schema.mjs", import.meta.url));

    expect(() => execFileSync(process.execPath, [generator, "--check"])).not.toThrow();
  });

  // Each statement has nodes that the declarations of the types could have missed.
  it.each([
    "select json_object('a': 1 returning jsonb), json_arrayagg(a order by b), json_query(c, '$.a' with wrapper) from t",
    "select * from json_table('[]', '$[*]' columns (a int path '$.a', nested path '$.b' columns (c text))) j",
    "select merge_action(), grouping(a), xmlelement(name b), current_date, a is json, row(1, 2) = (3, 4) from t",
    "merge into t using s on true when not matched by source then delete returning with (old as o) o.a",
    "alter table t alter constraint c not enforced, alter column a set expression as (1), set (fillfactor = 70)",
    "create table t (a int generated always as identity, period tstzrange, primary key (a, period without overlaps))",
    "create table t partition of s for values from (minvalue) to (10) partition by hash (a)",
    "with recursive a as (select 1) search depth first by b set c cycle d set e using f select * from a for update",
    "select sum(a) filter (where b) over (partition by c order by d rows between 1 preceding and current row) from t",
    "select a[1:2], (b).c, array[[1]], x'1f', b'1', n'x', u&'\\0061', 1_000, 0xff, $1, cast(null as int[3]) from t",
    "select * from t tablesample bernoulli (1) repeatable (2), lateral rows from (f(1), g(2)) with ordinality as r(a)",
    "explain (analyze, format json) select 1",
    "grant select on t to public",
    "create policy p on t for select using (true)",
    "create function f(a int default 1) returns table (b int) language sql begin atomic; select 1; end",
    "create publication p for table t (a) where (a > 1)",
    "fetch 5 from c",
  ])("knows all of %s", (sql) => {
    expect(visitedBy(sql)).not.toEqual([]);
  });
});
