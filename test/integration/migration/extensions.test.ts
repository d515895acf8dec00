// Tests which parts of the extensions in POSTGATE_EXTENSIONS tenants may use, and which they may not.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ClusterVersion, hasCluster } from "../../support/cluster.ts";
import { startTestGateway, type TestGateway, type TestTenant } from "../../support/gateway.ts";

/** Adds functions to an extension: one takes a name as its second argument, and one takes only a name. */
const ANOTHER_PLACE = `
create schema postgate_extensions;
create extension hstore schema postgate_extensions;
create function postgate_extensions.name_second(text) returns text language internal as 'lower';
create function postgate_extensions.name_second(text, regclass) returns text language internal as 'textcat';
create function postgate_extensions.name_alone(text) returns text language internal as 'lower';
create function postgate_extensions.name_alone(regclass) returns text language internal as 'lower';
alter extension hstore add function postgate_extensions.name_second(text);
alter extension hstore add function postgate_extensions.name_second(text, regclass);
alter extension hstore add function postgate_extensions.name_alone(text);
alter extension hstore add function postgate_extensions.name_alone(regclass)`;

describe.each<ClusterVersion>([18, 15])("extensions on PostgreSQL %i", (version) => {
  describe.skipIf(!hasCluster(version))("that the operator allowed", () => {
    let gateway: TestGateway;
    let tenant: TestTenant;

    beforeAll(async () => {
      gateway = await startTestGateway({
        version,
        config: { extensions: ["pg_trgm", "citext", "hstore", "tablefunc", "unaccent"] },
        prepare: async (database) => {
          await database.query("create extension fuzzystrmatch");
          await database.query(ANOTHER_PLACE);
        },
      });
      tenant = await gateway.createTenant();
    });
    afterAll(() => gateway.close());

    it.each([
      ["a function of pg_trgm", "select similarity('word', 'words') > 0.5 as v", true],
      ["an operator of pg_trgm", "select 'word' % 'words' as v", true],
      ["an operator of hstore", "select 'a=>1'::hstore -> 'a' as v", "1"],
      ["a function of hstore", "select hstore('k', 'x') as v", '"k"=>"x"'],
      ["a function of tablefunc", "select count(*)::int as v from normal_rand(3, 0, 1)", 3],
      ["a function of unaccent", "select unaccent('Hôtel') as v", "Hotel"],
      ["a function of unaccent with its dictionary", "select unaccent('unaccent', 'Hôtel') as v", "Hotel"],
      ["a function of unaccent called as a column", "select ('Hôtel'::text).unaccent as v", "Hotel"],
      ["a comparison of citext", "select 'ABC'::citext = 'abc'::citext as v", true],
    ])("work: %s", async (_what, sql, value) => {
      await expect(tenant.rows(sql)).resolves.toEqual([{ v: value }]);
    });

    it("work in a tenant's tables and indexes, also for tokens that may only read", async () => {
      await tenant.rows("create table words (word citext primary key, attrs hstore)");
      await tenant.rows("create index on words using gin ((word::text) gin_trgm_ops)");
      await tenant.rows("insert into words values ('Hello', 'a=>1,b=>2')");
      const reader = await tenant.withPermissions("SELECT");
      await expect(reader.rows("select word, akeys(attrs) as keys from words where word = 'hELLO'")).resolves.toEqual([
        { word: "Hello", keys: ["a", "b"] },
      ]);
    });

    it.each([
      ["a function of another extension", "select levenshtein('a', 'b')", "FUNCTION_NOT_ALLOWED"],
      [
        "a function that runs text as SQL",
        "select * from crosstab('select 1') as x (a text, b text)",
        "FUNCTION_NOT_ALLOWED",
      ],
      ["a function that takes a name from the catalogs", "select set_limit(0.5), 'x'::regclass", "SYSTEM_OBJECT"],
      ["the schema by name", "select postgate_extensions.similarity('a', 'b')", "QUALIFIED_NAME"],
      ["a dictionary of another schema", "select unaccent('x.zzz', 'd')", "QUALIFIED_NAME"],
      [
        "a dictionary of another schema with COLLATE",
        `select unaccent('x.zzz' collate "C", 'd')`,
        "FUNCTION_NOT_ALLOWED",
      ],
      ["a dictionary by its number", "select unaccent(3765, 'd')", "FUNCTION_NOT_ALLOWED"],
      ["a dictionary by its number in quotes", "select unaccent('3765', 'd')", "QUALIFIED_NAME"],
      [
        "a function with an overload whose second argument is a name",
        "select name_second('a')",
        "FUNCTION_NOT_ALLOWED",
      ],
      ["a function with an overload for a name alone", "select name_alone(1259)", "FUNCTION_NOT_ALLOWED"],
      ["such a function called as a column", "select (1259).name_alone", "FUNCTION_NOT_ALLOWED"],
      ["a dictionary by a parameter", "select unaccent($1, 'd')", "FUNCTION_NOT_ALLOWED"],
    ])("do not open %s", async (_what, sql, reason) => {
      expect((await tenant.query(sql)).body).toMatchObject({ code: "PARSE_ERROR", reason });
    });

    it("cannot be changed by a tenant", async () => {
      expect((await tenant.query("drop extension citext")).status).toBe(400);
      expect((await tenant.query("drop type citext")).status).not.toBe(200);
    });
  });

  describe.skipIf(!hasCluster(version))("that cannot be used", () => {
    it.each([
      ["would let tenants out", "dblink", /POSTGATE_EXTENSIONS: dblink would let tenants out/],
      ["is not on the server", "no_such_extension", /POSTGATE_EXTENSIONS: "no_such_extension"/],
      ["is installed elsewhere", "citext", /"citext" is installed in schema "public".*SET SCHEMA postgate_extensions/],
    ])("stop the start with an error of one line: an extension that %s", async (_what, name, message) => {
      const starting = startTestGateway({
        version,
        config: { extensions: [name] },
        prepare: async (database) => {
          await database.query("create extension citext");
        },
      });
      await expect(starting).rejects.toThrow(message);
    });
  });
});
