import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ALLOWED_FUNCTION_NAMES,
  BUILTIN_TYPE_NAMES,
  REFUSED_ATTRIBUTE_NAMES,
  REFUSED_FUNCTION_NAMES,
} from "../../../../src/policy/tables/function-names.ts";
import { ALLOWED_BUILTIN_TYPES, isRefusedType } from "../../../../src/policy/type-names.ts";
import { type ClusterVersion, createTestDatabase, hasCluster, type TestDatabase } from "../../../support/cluster.ts";

const REFUSED = new Set<string>(Object.values(REFUSED_FUNCTION_NAMES).flat());

describe.each([18, 15] as ClusterVersion[])("the function policy on PostgreSQL %i", (version) => {
  describe.skipIf(!hasCluster(version))("(where it is installed)", () => {
    let database: TestDatabase;
    beforeAll(async () => {
      database = await createTestDatabase(version);
    });
    afterAll(() => database.close());

    async function names(sql: string): Promise<string[]> {
      return (await database.query(sql)).map(({ name }: { name: string }) => name);
    }

    it("has a verdict for every function of pg_catalog", async () => {
      const found = await names(
        "select distinct proname as name from pg_proc where pronamespace = 'pg_catalog'::regnamespace",
      );
      const known = new Set([...ALLOWED_FUNCTION_NAMES, ...REFUSED]);
      expect(found.filter((name) => !known.has(name))).toEqual([]);
    });

    it("knows every refused function that takes one argument, and so can be written as an attribute", async () => {
      const found = await names(`select distinct proname as name from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace and pronargs >= 1 and pronargs - pronargdefaults <= 1
          and not 'internal'::regtype = any (proargtypes::oid[])`);
      const known = new Set(REFUSED_ATTRIBUTE_NAMES);
      expect(found.filter((name) => REFUSED.has(name) && !known.has(name))).toEqual([]);
    });

    it("allows no function that takes the number of a catalog object, save those whose literal is judged", async () => {
      const found = await names(`select distinct proname as name from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace
          and exists (select from unnest(proargtypes::oid[]) as argument (type) where type::regtype::text like 'reg%')`);
      const judged = /^(nextval|currval|setval|.*to_ts(vector|query)|ts_headline)$/;
      expect(found.filter((name) => ALLOWED_FUNCTION_NAMES.includes(name) && !judged.test(name))).toEqual([]);
    });

    it("knows every type of pg_catalog, and refuses what it does not allow", async () => {
      const found = await names(`select typname as name from pg_type
        where typnamespace = 'pg_catalog'::regnamespace and typrelid = 0 and typname !~ '^_'`);
      expect(found.filter((name) => !BUILTIN_TYPE_NAMES.includes(name))).toEqual([]);
      expect(found.filter((name) => ALLOWED_BUILTIN_TYPES.has(name) === isRefusedType(name))).toEqual([]);
    });
  });
});
