import { describe, expect, it } from "vitest";
import { ADMIN_RULES, TENANT_RULES } from "../../../src/policy/policy-rules.ts";
import { judgeSql, refusalOf } from "./judge-sql.ts";

describe("judge", () => {
  it.each([
    ["SELECT 1", "SELECT", ["SELECT"], [], true, false, 0],
    ["VALUES ($2), ($1)", "SELECT", ["SELECT"], [], true, false, 2],
    ["SELECT * FROM b JOIN a ON true, (SELECT * FROM b) x", "SELECT", ["SELECT"], ["a", "b"], true, false, 0],
    ["INSERT INTO a VALUES ($1)", "INSERT", ["INSERT"], ["a"], false, true, 1],
    ["INSERT INTO a VALUES (1) RETURNING id", "INSERT", ["INSERT", "SELECT"], ["a"], true, true, 0],
    ["UPDATE a SET x = $3", "UPDATE", ["UPDATE"], ["a"], false, true, 3],
    ["DELETE FROM a USING b", "DELETE", ["DELETE", "SELECT"], ["a", "b"], false, true, 0],
    ["WITH d AS (DELETE FROM a RETURNING *) SELECT * FROM d", "SELECT", ["SELECT", "DELETE"], ["a"], true, true, 0],
    ["WITH a AS (SELECT * FROM a) SELECT * FROM a", "SELECT", ["SELECT"], ["a"], true, false, 0],
    ["WITH RECURSIVE a AS (SELECT * FROM a) SELECT * FROM a", "SELECT", ["SELECT"], [], true, false, 0],
    ["SELECT * FROM a FOR SHARE", "SELECT", ["SELECT", "UPDATE"], ["a"], true, true, 0],
    ["SELECT * INTO t FROM a", "SELECT", ["SELECT", "CREATE"], ["a", "t"], false, true, 0],
    ["SELECT setval('s', 1)", "SELECT", ["SELECT", "UPDATE"], [], true, true, 0],
    ["EXPLAIN DELETE FROM a", "EXPLAIN", ["DELETE"], ["a"], true, false, 0],
    ["CREATE TABLE t (a int)", "CREATE TABLE", ["CREATE"], ["t"], false, true, 0],
    ["CREATE TABLE t AS SELECT 1", "CREATE TABLE AS", ["CREATE", "SELECT"], ["t"], false, true, 0],
    ["ALTER TABLE t RENAME TO u", "RENAME", ["ALTER"], ["t"], false, true, 0],
    ["DROP TABLE b, a", "DROP", ["DROP"], ["a", "b"], false, true, 0],
    ["TRUNCATE a", "TRUNCATE", ["DROP"], ["a"], false, true, 0],
  ])("finds the operation, permissions, tables and other facts of %s", async (...row) => {
    const [sql, operation, permissions, tables, returnsRows, writes, parameterCount] = row;
    const facts = { text: sql, needsInsertOrUpdate: false, callsHelpers: false };
    const { schemaChange, ...others } = await judgeSql(sql);
    expect(schemaChange !== undefined).toBe(/^(CREATE|ALTER|DROP)|INTO t FROM/.test(sql));
    expect(others).toMatchObject({
      ...facts,
      ...{ operation, permissions, tables, returnsRows, writes, replacesView: false, parameterCount },
    });
  });

  it("requires INSERT or UPDATE for nextval and currval, but not in a column's default", async () => {
    expect(await judgeSql("SELECT nextval('s')")).toMatchObject({ needsInsertOrUpdate: true, writes: true });
    expect(await judgeSql("SELECT currval('s')")).toMatchObject({ needsInsertOrUpdate: true, writes: false });
    expect(await judgeSql("SELECT setval('s', 1), nextval('s')")).toMatchObject({ readsSequences: false });
    expect(await judgeSql("SELECT currval('s')")).toMatchObject({ readsSequences: true });
    expect(await judgeSql("CREATE TABLE t (a int DEFAULT nextval('s'))")).toMatchObject({ needsInsertOrUpdate: false });
    expect(await judgeSql("ALTER TABLE t ALTER a SET DEFAULT nextval('s')")).toMatchObject({
      needsInsertOrUpdate: false,
    });
  });

  it.each([
    "CREATE TABLE t (a int DEFAULT currval('s'))",
    "CREATE TABLE t (a int CHECK (a < currval('s')))",
    "ALTER TABLE t ALTER a SET DEFAULT currval('s') + 1",
    "ALTER TABLE t ADD COLUMN b int DEFAULT currval('s'::regclass)",
    "CREATE DOMAIN d AS int DEFAULT currval('s')",
    "ALTER DOMAIN d SET DEFAULT currval('s')",
    "ALTER DOMAIN d ADD CHECK (VALUE < currval('s'))",
    "CREATE VIEW v AS SELECT currval('s')",
    "CREATE VIEW v AS SELECT * FROM t WHERE a = (SELECT currval('s'))",
    "CREATE MATERIALIZED VIEW v AS SELECT currval('s')",
  ])("refuses currval in a definition that is stored: %s", async (sql) => {
    expect(await refusalOf(sql)).toMatchObject({
      reason: "FUNCTION_NOT_ALLOWED",
      message: "Function is not allowed here: 'currval'",
    });
  });

  it.each([
    "CREATE TABLE t AS SELECT currval('s')",
    "SELECT currval('s') AS id INTO t",
    "INSERT INTO t VALUES (currval('s'))",
  ])("allows currval in a statement that runs once: %s", async (sql) => {
    expect(await judgeSql(sql)).toMatchObject({ readsSequences: true, needsInsertOrUpdate: true });
  });

  it.each([
    ["SELECT * FROM public.users", "QUALIFIED_NAME", "Qualified table names are not allowed: 'public.users'", 15],
    ["SELECT '🚀', * FROM public.users", "QUALIFIED_NAME", "Qualified table names are not allowed: 'public.users'", 20],
    ["SELECT * FROM pg_tables", "SYSTEM_OBJECT", "System table access is not allowed: 'pg_tables'", 15],
    [
      "SELECT * FROM information_schema.tables",
      "QUALIFIED_NAME",
      "Qualified table names are not allowed: 'information_schema.tables'",
      15,
    ],
    ["SELECT pg_sleep(1)", "FUNCTION_NOT_ALLOWED", "Function is not allowed: 'pg_sleep'", 8],
    ["SELECT 1::regclass", "SYSTEM_OBJECT", "Type is not allowed: 'regclass'", 11],
    ["; /* 🚀 */\n  -- é\n SET a = 1", "STATEMENT_NOT_SUPPORTED", "Unsupported statement type: SET", 19],
    ["COPY users TO STDOUT", "STATEMENT_NOT_SUPPORTED", "Unsupported statement type: COPY", 1],
    ["DROP FUNCTION f()", "STATEMENT_NOT_SUPPORTED", "Unsupported statement type: DROP FUNCTION", 1],
    ["ALTER TABLE t SET LOGGED", "STATEMENT_NOT_SUPPORTED", "Unsupported ALTER TABLE action: SET LOGGED", 1],
    ["CREATE TABLE t (a int) TABLESPACE x", "STATEMENT_NOT_SUPPORTED", "Unsupported clause: TABLESPACE", 1],
    ["EXPLAIN (ANALYZE) SELECT 1", "STATEMENT_NOT_SUPPORTED", "Unsupported EXPLAIN option: analyze", 10],
  ])("refuses with reason, message and position: %s", async (...row) => {
    const [sql, reason, message, position] = row;
    const refused = await refusalOf(sql);
    expect(refused).toMatchObject({ reason, message });
    expect(refused?.position).toBe(position);
  });

  it.each([
    ["SELECT * FROM public.users", /without the schema/],
    ["SELECT pg_sleep(1)", /client/],
    ["COPY users FROM STDIN", /jsonb_to_recordset/],
    ["SET work_mem = '1GB'", /nothing can be set for it/],
    ["SHOW ALL", /version\(\)/],
    ["BEGIN", /data-modifying CTEs/],
    ["CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1", /views/],
    ["CREATE TEMP TABLE t (a int)", /CTE/],
    ["CREATE INDEX CONCURRENTLY i ON t (a)", /Leave CONCURRENTLY away/],
    ["SELECT * FROM pg_tables", /list_tables/],
    ["SELECT * FROM information_schema.columns", /describe_table/],
    ["SELECT 'users'::regclass", /list_tables/],
    ["CREATE TABLE t (a xml)", /json/],
    ["LISTEN news", /ask for what is new/],
    ["SELECT pg_notify('news', '')", /ask for what is new/],
    ["GRANT SELECT ON users TO x", /operator/],
    ["SELECT uuid_generate_v4()", /gen_random_uuid/],
    ["SELECT my_function()", /extensions/],
    ["SELECT pg_advisory_lock(1)", /FOR UPDATE/],
  ])("hints at what to write instead of %s", async (sql, hint) => {
    expect((await refusalOf(sql))?.hint).toMatch(hint);
  });

  it("admits the functions and types of extensions for tenants, and not for the admin database", async () => {
    const extensions = { functions: new Set(["similarity", "create_tenant_token"]), types: new Set(["pg_vector"]) };
    const sql = "SELECT similarity('a', 'b'), NULL::pg_vector";
    expect(await refusalOf(sql)).toMatchObject({ reason: "FUNCTION_NOT_ALLOWED" });
    expect(await refusalOf(sql, { ...TENANT_RULES, ...extensions })).toBeUndefined();
    expect(await refusalOf(sql, ADMIN_RULES)).toMatchObject({ reason: "FUNCTION_NOT_ALLOWED" });
    expect(await refusalOf("SELECT create_tenant_token()", { ...TENANT_RULES, ...extensions })).toMatchObject({
      reason: "FUNCTION_NOT_ALLOWED",
    });
  });

  it.each([
    ["SELECT * FROM postgate_helpers.list_tables()", true],
    ['SELECT 1 WHERE EXISTS (SELECT FROM "postgate_helpers".describe_table($1))', true],
    ["SELECT 'postgate_helpers.list_tables()' AS postgate_helpers", false],
  ])("tells whether a statement calls a helper: %s → %s", async (sql, callsHelpers) => {
    expect(await judgeSql(sql)).toMatchObject({ callsHelpers });
  });

  it("finds the permissions that a call of an admin function needs, and that it writes", async () => {
    expect(await judgeSql("SELECT create_tenant_database('x')", ADMIN_RULES)).toMatchObject({
      permissions: ["SELECT", "INSERT"],
      writes: true,
    });
    expect(await judgeSql("SELECT delete_tenant_token($1)", ADMIN_RULES)).toMatchObject({
      permissions: ["SELECT", "DELETE"],
      writes: true,
    });
  });
});
