import { expect, it } from "vitest";
import { judgeSql } from "./judge-sql.ts";

const sourcesOf = async (sql: string) => (await judgeSql(sql)).typeSources;

it.each([
  "SELECT * FROM t WHERE a = 1",
  "SELECT * FROM t WHERE a = $1::int",
  "INSERT INTO t VALUES ($1::int, CAST($2 AS timestamptz), $3::text[])",
  "UPDATE t SET a = $1::varchar(3) WHERE b = $2::pg_catalog.int4",
  "SELECT * FROM t ORDER BY a LIMIT $1 OFFSET $2",
  "SELECT * FROM t WHERE a = 'x'::mood",
])("finds that the text alone decides the parameter types of %s", async (sql) => {
  await expect(sourcesOf(sql.replace("pg_catalog.", ""))).resolves.toBeUndefined();
});

it.each<[string, readonly string[], readonly string[]]>([
  ["SELECT * FROM t WHERE a = $1", ["t"], []],
  ["SELECT * FROM t WHERE a = $1 AND b = $1::int", ["t"], []],
  ["INSERT INTO t VALUES ($1)", ["t"], []],
  ["INSERT INTO t SELECT $1 FROM u", ["t", "u"], []],
  ["UPDATE t SET a = $1 FROM u WHERE u.id = t.id", ["t", "u"], []],
  ["SELECT * FROM t WHERE a IN ($1, $2)", ["t"], []],
  ["SELECT * FROM t WHERE (a, b) > ($1, $2)", ["t"], []],
  ["SELECT * FROM t WHERE (a, b) IN (($1, $2), ($3, $4))", ["t"], []],
  ["UPDATE t SET (a, b) = ($1, $2)", ["t"], []],
  ["WITH t AS (SELECT * FROM u) SELECT * FROM t WHERE a = $1", ["u"], []],
  ["SELECT * FROM t WHERE round(a, $1) = 1", ["t"], []],
  ["SELECT * FROM t WHERE a = $1::mood", [], ["mood"]],
  ["SELECT * FROM t WHERE a = ANY($1::mood[])", [], ["mood"]],
  ["SELECT * FROM t WHERE a = $1::mood AND b = $2", ["t"], ["mood"]],
  ["SELECT jsonb_build_object('a', $1)", [], []],
  ["INSERT INTO t SELECT * FROM jsonb_to_recordset($1) AS r(a int)", [], []],
  ["INSERT INTO t SELECT * FROM jsonb_populate_recordset(NULL::t, $1)", [], []],
  ["SELECT * FROM t, jsonb_to_recordset($1) AS r(a int) WHERE t.a = $2", ["t"], []],
  ["SELECT * FROM t, jsonb_array_elements(t.doc) AS e WHERE t.a = $1", ["t"], []],
  ["UPDATE t SET a[1] = $1", ["t"], []],
])("finds the relations and types that decide the parameter types of %s", async (sql, relations, types) => {
  expect(await sourcesOf(sql)).toMatchObject({ relations, types, isTraceable: true });
});

it.each([
  "SELECT * FROM t WHERE (c).x = $1",
  "SELECT * FROM (SELECT (c).* FROM t) AS s WHERE x = $1",
  "UPDATE t SET c.x = $1",
  "INSERT INTO t (c.x) VALUES ($1)",
  "INSERT INTO t VALUES (ROW($1, $2))",
  "SELECT ROW($1, $2)::pair",
  "SELECT * FROM t, jsonb_populate_record(t.c, '{}') AS r WHERE r.x = $1",
  "SELECT * FROM t, unnest(t.cs) AS r WHERE r.x = $1",
  "SELECT * FROM jsonb_populate_recordset(NULL::pair, '[]') AS r WHERE r.x = $1",
])("marks as untraceable what depends on an attribute of a composite type: %s", async (sql) => {
  expect(await sourcesOf(sql)).toMatchObject({ isTraceable: false });
});

it("tells whether the arguments of a function decide a parameter's type", async () => {
  expect(await sourcesOf("SELECT * FROM t WHERE a = lower($1)")).toMatchObject({ relations: [], usesFunctions: true });
  expect(await sourcesOf("SELECT * FROM t WHERE a = $1")).toMatchObject({ usesFunctions: false });
});
