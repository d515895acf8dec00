import { describe, expect, it } from "vitest";
import { BUILTIN_TYPE_NAMES } from "../../../src/encoding/builtin-type-names.ts";
import { BUILTIN_ARRAY_TYPES } from "../../../src/encoding/builtin-array-types.ts";
import { FIRST_LOOKED_UP_TYPE_OID } from "../../../src/execution/results/result-set.ts";
import { createTestDatabase, hasCluster } from "../../support/cluster.ts";

const ARRAY_TYPES_SQL = `
  select type.oid::int as oid, type.typelem::int as element_oid, element.typdelim as delimiter
  from pg_type as type join pg_type as element on element.oid = type.typelem
  where type.typinput = 'array_in'::regproc and type.oid < $1`;

describe("the table of built-in array types", () => {
  it.skipIf(!hasCluster(18))("holds exactly those of PostgreSQL 18", async () => {
    const types = await readArrayTypes(18);
    expect(Object.fromEntries(BUILTIN_ARRAY_TYPES)).toEqual(types);
  });

  it.skipIf(!hasCluster(15))("holds those of PostgreSQL 15, with the same meaning", async () => {
    const types = Object.entries(await readArrayTypes(15));
    // A minor release may bring some; the judge refuses a type that it does not know.
    const known = types.filter(([oid]) => BUILTIN_ARRAY_TYPES.has(Number(oid)));
    if (known.length < types.length) console.warn("News in PostgreSQL 15: array types that the table does not have");
    expect(known.length).toBeGreaterThan(70);
    expect(Object.fromEntries(BUILTIN_ARRAY_TYPES)).toMatchObject(Object.fromEntries(known));
  });
});

const TYPE_NAMES_SQL = `
  select oid::int as oid, typname as name from pg_type where typinput <> 'array_in'::regproc and oid < $1`;

describe("the table of built-in types' names", () => {
  it.each([18, 15] as const)("holds those of PostgreSQL %i", async (version) => {
    if (!hasCluster(version)) return;
    const database = await createTestDatabase(version);
    const rows = await database.query(TYPE_NAMES_SQL, [FIRST_LOOKED_UP_TYPE_OID]);
    await database.close();
    expect(rows.length).toBeGreaterThan(80);
    for (const { oid, name } of rows)
      // A minor release of the system's PostgreSQL may bring some.
      if (version === 18 || BUILTIN_TYPE_NAMES.has(oid as number))
        expect(BUILTIN_TYPE_NAMES.get(oid as number)).toBe(name);
  });
});

async function readArrayTypes(version: 18 | 15): Promise<object> {
  const database = await createTestDatabase(version);
  try {
    const rows = (await database.query(ARRAY_TYPES_SQL, [FIRST_LOOKED_UP_TYPE_OID])) as {
      oid: number;
      element_oid: number;
      delimiter: string;
    }[];
    return Object.fromEntries(
      rows.map(({ oid, element_oid: elementOid, delimiter }) => [oid, { elementOid, delimiter }]),
    );
  } finally {
    await database.close();
  }
}
