import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrate } from "../../../../src/migration/migrate.ts";
import {
  ALLOWED_FUNCTION_NAMES,
  BUILTIN_TYPE_NAMES,
  NAME_ARGUMENTS,
  REFUSED_FUNCTION_NAMES,
} from "../../../../src/policy/tables/function-names.ts";
import { type PolicyRules, TENANT_RULES } from "../../../../src/policy/policy-rules.ts";
import { ALLOWED_BUILTIN_TYPES, isRefusedType } from "../../../../src/policy/type-names.ts";
import { type ClusterVersion, createTestDatabase, hasCluster, type TestDatabase } from "../../../support/cluster.ts";
import { refusalOf } from "../../../unit/policy/judge-sql.ts";
import { closeWithRoles } from "../../migration/support.ts";

const REFUSED = new Set<string>(Object.values(REFUSED_FUNCTION_NAMES).flat());
const KNOWN = new Set([...ALLOWED_FUNCTION_NAMES, ...REFUSED]);

/** Objects of pg_catalog as a newer release brings them: their numbers are those of what came with the server. */
const NEWER_RELEASE = `
set allow_system_table_mods = on;
create function pg_catalog.brand_new(text) returns text language internal as 'lower';
create function pg_catalog.brand_new_pair(text, text) returns text language internal as 'textcat';
create type pg_catalog.brand_new_type as enum ('one');
update pg_catalog.pg_proc set oid = 9990 where proname = 'brand_new';
update pg_catalog.pg_proc set oid = 9991 where proname = 'brand_new_pair'`;

const EXECUTABLE_BY_PUBLIC = `
select distinct proname as name from pg_proc
where pronamespace = 'pg_catalog'::regnamespace and has_function_privilege('public', oid, 'EXECUTE')`;

describe.each([18, 15] as ClusterVersion[])("the function policy on PostgreSQL %i", (version) => {
  describe.skipIf(!hasCluster(version))("(where it is installed)", () => {
    let database: TestDatabase;
    let rules: PolicyRules;
    let release: string;
    beforeAll(async () => {
      database = await createTestDatabase(version);
      await database.query(NEWER_RELEASE);
      const { extensions } = await migrate(database.connection);
      rules = { ...TENANT_RULES, ...extensions };
      release = (await database.query("show server_version"))[0].server_version;
    });
    afterAll(() => closeWithRoles(database));

    async function names(sql: string): Promise<string[]> {
      return (await database.query(sql)).map(({ name }: { name: string }) => name);
    }

    /** Names that no list has, those of the newer release among them. What the installed server has is told as news. */
    async function findNews(kind: string, sql: string, known: ReadonlySet<string>): Promise<string[]> {
      const news = (await names(sql)).filter((name) => !known.has(name));
      const ofServer = news.filter((name) => !name.startsWith("brand_new"));
      if (ofServer.length > 0)
        console.warn(
          `News in PostgreSQL ${release}: ${kind} that no list knows, and that are refused: ${ofServer.join(", ")}`,
        );
      return news;
    }

    it("refuses every function of pg_catalog that no list knows, and the lock-down covers it", async () => {
      const sql = "select distinct proname as name from pg_proc where pronamespace = 'pg_catalog'::regnamespace";
      const news = await findNews("functions", sql, KNOWN);
      const executable = await names(EXECUTABLE_BY_PUBLIC);

      expect(news).toEqual(expect.arrayContaining(["brand_new", "brand_new_pair"]));
      expect(news.filter((name) => executable.includes(name))).toEqual([]);
      for (const name of news)
        expect(await refusalOf(`select "${name}"()`, rules)).toMatchObject({ reason: "FUNCTION_NOT_ALLOWED" });
    });

    it("npm run generate:functions -- --check tells such a function as news, and does not fail", () => {
      const { host, database: name } = database.connection;
      const url = `postgres://postgres@/${name}?host=${encodeURIComponent(host)}`;
      const script = ["scripts/generate-function-policy.mjs", "--check", url];
      const { status, stdout, stderr } = spawnSync(process.execPath, script, { encoding: "utf8" });

      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      for (const what of ["the function brand_new", "the function brand_new_pair", "the type brand_new_type"])
        expect(stdout).toContain(`News in PostgreSQL ${release}: ${what} is on no list, and refused.\n`);
    });

    it("refuses to call a function that no list knows as if it were a column", async () => {
      for (const sql of ["select ('a'::text).brand_new", "select lower.brand_new from lower('a')"])
        expect(await refusalOf(sql, rules)).toMatchObject({ reason: "FUNCTION_NOT_ALLOWED" });
      // It takes two arguments, so that only a column can be meant.
      expect(await refusalOf("select t.brand_new_pair from t, lower('a')", rules)).toBeUndefined();
    });

    it("refuses every type of pg_catalog that no list knows", async () => {
      const sql = `select typname as name from pg_type
        where typnamespace = 'pg_catalog'::regnamespace and typrelid = 0 and typname !~ '^_'`;
      const news = await findNews("types", sql, new Set(BUILTIN_TYPE_NAMES));

      expect(news).toContain("brand_new_type");
      for (const name of news)
        for (const statement of [
          `select 'one'::"${name}"`,
          `select '{}'::"_${name}"`,
          `select '{}'::"${name}"[]`,
          `select ('one'::text)."${name}"`,
          `create table t (a "${name}")`,
          `create type "${name}" as enum ()`,
        ])
          expect(await refusalOf(statement, rules)).toMatchObject({
            reason: expect.stringMatching(/^(SYSTEM_OBJECT|FUNCTION_NOT_ALLOWED)$/) as string,
          });
    });

    it("refuses to call any refused function as if it were a column", async () => {
      const found = await names(`select distinct proname as name from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace and pronargs >= 1 and pronargs - pronargdefaults <= 1
          and not 'internal'::regtype = any (proargtypes::oid[])`);
      const refused = found.filter((name) => !ALLOWED_FUNCTION_NAMES.includes(name));
      expect(refused.length).toBeGreaterThan(500);
      for (const name of refused)
        expect(await refusalOf(`select ('a'::text)."${name}"`, rules)).toMatchObject({
          reason: "FUNCTION_NOT_ALLOWED",
        });
    });

    it("allows no function that takes the number of a catalog object, save those whose literal is judged", async () => {
      const found = await names(`select distinct proname as name from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace
          and exists (select from unnest(proargtypes::oid[]) as argument (type) where type::regtype::text ~ '^(reg|oid)')`);
      // The last three work on the number itself and look nothing up.
      const judged = new Set([...Object.keys(NAME_ARGUMENTS), "int8", "max", "min"]);
      expect(found.filter((name) => ALLOWED_FUNCTION_NAMES.includes(name) && !judged.has(name))).toEqual([]);
    });

    it("refuses each known type that it does not allow", () => {
      expect(BUILTIN_TYPE_NAMES.filter((name) => ALLOWED_BUILTIN_TYPES.has(name) === isRefusedType(name))).toEqual([]);
    });
  });
});
