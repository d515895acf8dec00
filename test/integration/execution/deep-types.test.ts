// Types that are made of other types many times over, and how a tenant's look-ups of types keep out of other tenants' way.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TypeCatalog } from "../../../src/execution/results/type-catalog.ts";
import { createTestDatabase, type TestDatabase } from "../../support/cluster.ts";
import { post, startTestGateway, type TestGateway, type TestTenant } from "../../support/gateway.ts";

/** The most steps that a type may be away from the one that its values are written as. */
const MAX_LEVELS = 32;

/** Makes the domains d1 to d`count`, each of which is based on the one before. */
function chainOf(count: number, base: string, name = "d"): string {
  const domains = Array.from({ length: count }, (_, index) => {
    return `create domain ${name}${index + 1} as ${index === 0 ? base : `${name}${index}`};`;
  });
  return domains.join("\n");
}

let gateway: TestGateway;
let tenant: TestTenant;

async function inSchemaOf({ id }: TestTenant, sql: string): Promise<void> {
  const [{ schema_name: schema }] = (await gateway.database.query(
    "select schema_name from postgate_databases where id = $1",
    [id],
  )) as [{ schema_name: string }];
  await gateway.database.query(`begin; set local search_path = "${schema}"; ${sql} commit`);
}

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.createTenant();
  await inSchemaOf(tenant, chainOf(60, "int4") + chainOf(60, "jsonb", "j") + chainOf(1_000, "text", "t"));
});

afterAll(() => gateway.close());

describe("an array of a domain", () => {
  it("is an array of the base type's JSON up to the bound", async () => {
    expect(await tenant.rows(`select array[7::d1] as a, array[7::d${MAX_LEVELS - 1}] as b`)).toEqual([
      { a: [7], b: [7] },
    ]);
  });

  it("is PostgreSQL's text beyond the bound, whatever other columns there are and in whatever order they are asked for", async () => {
    const deep = `select array[7::d${MAX_LEVELS}] as x`;
    expect(await tenant.rows(deep)).toEqual([{ x: "{7}" }]);
    expect(await tenant.rows(`select array[7::d60] as x, array[7::d20] as y, array[7::d40] as z`)).toEqual([
      { x: "{7}", y: [7], z: "{7}" },
    ]);
    expect(await tenant.rows(deep)).toEqual([{ x: "{7}" }]);
    expect(await tenant.rows("select array['x'::t1000] as x")).toEqual([{ x: "{x}" }]);
  });

  it("is one in a batch, too", async () => {
    const statements = [{ sql: "select array[7::d60] as x" }, { sql: "select array[7::d3] as x" }];
    const { status, body } = await post(gateway.url, tenant.token, { statements });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { results: [{ rows: [{ x: "{7}" }] }, { rows: [{ x: [7] }] }] },
    });
  });

  it("counts arrays that are made of domains over arrays as levels, too", async () => {
    const levels = Array.from({ length: 20 }, (_, index) => {
      return `create domain a${index + 1} as ${index === 0 ? "int4[]" : `a${index}[]`};`;
    });
    await inSchemaOf(tenant, levels.join("\n"));
    expect(await tenant.rows("select array['{1}'::a1] as x, array['{}'::a20] as y")).toEqual([
      { x: [[1]], y: '{"{}"}' },
    ]);
  });
});

describe("a parameter", () => {
  it("is written as the base type asks for up to the bound", async () => {
    expect(await tenant.rows(`select ($1::j${MAX_LEVELS})::jsonb as x`, [[]])).toEqual([{ x: [] }]);
  });

  it("that is an array is refused beyond the bound, because its form is not known", async () => {
    expect(await tenant.query("select ($1::j60)::jsonb as x", [[]])).toMatchObject({
      status: 500,
      body: { code: "DATABASE_ERROR", sqlstate: "0A000" },
    });
    expect(
      await tenant.rows("select ($1::j60)::jsonb as x, ($2::d60)::int4 as y, $3::int4[] as z", ["[]", 7, [1]]),
    ).toEqual([{ x: [], y: 7, z: [1] }]);
  });
});

describe("look-ups of types", () => {
  it("have a connection of their own, which is opened at the first of them", async () => {
    const other = await startTestGateway();
    try {
      const one = await other.createTenant();
      const sessions = (): Promise<unknown[]> =>
        other.database.query(
          "select query ~ 'pg_catalog.pg_type' as asks_for_types from pg_stat_activity where datname = current_database() and application_name = 'postgate types'",
        );
      await one.rows("select array[1]");
      expect(await sessions()).toEqual([]);

      await one.rows("create type mood as enum ('ok')");

      expect(await one.rows("select array['ok'::mood] as x")).toEqual([{ x: ["ok"] }]);
      expect(await sessions()).toEqual([{ asks_for_types: true }]);
    } finally {
      await other.close();
    }
  });
});

describe("TypeCatalog", () => {
  let database: TestDatabase;
  /** The look-ups that have begun, each to be let go on by a call. */
  let held: (() => void)[];
  let catalog: TypeCatalog;
  const oids: number[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.query("create type one as enum ('x'); create type two as enum ('x')");
    const rows = (await database.query(
      "select oid::int from pg_type where typname in ('one', 'two') order by typname",
    )) as {
      oid: number;
    }[];
    oids.push(...rows.map(({ oid }) => oid));
    held = [];
    catalog = new TypeCatalog(async (sql, values) => {
      await new Promise<void>((resolve) => void held.push(resolve));
      return database.query(sql, [...values]);
    });
  });

  afterAll(() => database.close());

  it("looks up one tenant's types one after the other, and another tenant's meanwhile", async () => {
    const [one = 0, two = 0] = oids;
    const loads = [catalog.load([one], "alice"), catalog.load([two], "alice"), catalog.load([one, two], "alice")];
    const others = catalog.load([one], "bob");
    await expect.poll(() => held.length).toBe(2); // Alice's first, and Bob's.
    held[1]?.();
    expect([...(await others).keys()]).toEqual([one]);
    expect(held).toHaveLength(2);

    held[0]?.();
    await loads[0];
    await expect.poll(() => held.length).toBe(3);
    held[2]?.();

    expect((await Promise.all(loads)).map((types) => [...types.keys()])).toEqual([[one], [two], [one, two]]);
    expect(held).toHaveLength(3); // The third found what the first two had looked up.
  });

  it("keeps nothing of a look-up during which the tenant's types were forgotten", async () => {
    const [one = 0] = oids;
    catalog.forgetTenant("alice");
    held.length = 0;
    const load = catalog.load([one], "alice");
    await expect.poll(() => held.length).toBe(1);
    catalog.forgetTenant("alice");
    held[0]?.();
    await load;
    expect(catalog.find([one], "alice")).toBeUndefined();
  });

  it("goes on after a look-up that has failed", async () => {
    const [one = 0] = oids;
    let hasFailed = false;
    const failing = new TypeCatalog((sql, values) => {
      if (hasFailed) return database.query(sql, [...values]);
      hasFailed = true;
      return Promise.reject(new Error("The connection was lost"));
    });
    const loads = await Promise.allSettled([failing.load([one], "alice"), failing.load([one], "alice")]);
    expect(loads.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  });

  it("keeps at most 2,000 types of a tenant, and answers with all that a result asks for", async () => {
    const many = Array.from({ length: 2_100 }, (_, index) => `create domain many${index} as int4;`);
    await database.query(many.join("\n"));
    const rows = (await database.query("select oid::int from pg_type where typname ~ '^many[0-9]+$'")) as {
      oid: number;
    }[];
    const wanted = rows.map(({ oid }) => oid);
    const direct = new TypeCatalog((sql, values) => database.query(sql, [...values]));

    await direct.load([oids[0] ?? 0], "bob");
    expect((await direct.load(wanted, "alice")).size).toBe(2_100);

    expect(wanted.filter((oid) => direct.find([oid], "alice") !== undefined)).toHaveLength(2_000);
    expect(direct.find([oids[0] ?? 0], "bob")).toBeDefined();
    expect(direct.find([wanted[0] ?? 0], "bob")).toBeUndefined();
  });
});
