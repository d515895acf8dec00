// Kysely's query builder, unmodified, over the dialect on a live gateway.

import { CamelCasePlugin, Kysely, type SelectQueryBuilder, sql } from "kysely";
import { jsonArrayFrom, jsonBuildObject, jsonObjectFrom, mergeAction } from "kysely/helpers/postgres";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PostgateClient, PostgateError } from "../../../src/client/index.ts";
import { batch, PostgateDialect } from "../../../src/kysely/index.ts";
import { startTestGateway, type TestGateway, type TestTenant } from "../../support/gateway.ts";
import { createTables, type Database } from "./database.ts";

let gateway: TestGateway;
let tenant: TestTenant;
let client: PostgateClient;
let db: Kysely<Database>;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.createTenant({ name: "kysely" });
  client = new PostgateClient(gateway.url, tenant.token);
  db = new Kysely<Database>({ dialect: new PostgateDialect({ client }) });
  await createTables(db);
});
beforeEach(() =>
  batch(db, [
    sql`truncate person, team, pet, sample restart identity`,
    db.insertInto("team").values([{ name: "red", budget: "10.50" }, { name: "blue" }]),
    db.insertInto("person").values([
      { name: "Ada", team_id: 1, mood: "sad", born: "1815-12-10" },
      { name: "Bob", team_id: 1 },
      { name: "Cy", team_id: null },
    ]),
    db.insertInto("pet").values([
      { owner_id: 1, name: "Rex", species: "dog", weight: 20.5 },
      { owner_id: 1, name: "Tom", species: "cat", weight: 4 },
      { owner_id: 2, name: "Kit", species: "cat", weight: null },
    ]),
  ]),
);
afterAll(async () => {
  await db.destroy();
  await gateway.close();
});

/** Queries that only read, each with its rows. */
const READS: readonly [string, () => Pick<SelectQueryBuilder<Database, never, object>, "execute">, unknown][] = [
  [
    "filters, orders and limits",
    () => db.selectFrom("person").select(["id", "name"]).where("id", ">=", 1).orderBy("id", "desc").limit(2).offset(1),
    [
      { id: 2, name: "Bob" },
      { id: 1, name: "Ada" },
    ],
  ],
  [
    "takes alternatives, lists and negations",
    () =>
      db
        .selectFrom("person")
        .select("name")
        .where((eb) => eb.or([eb("name", "in", ["Ada", "Zoe"]), eb("team_id", "is", null)]))
        .where((eb) => eb.not(eb("name", "like", "B%")))
        .orderBy("name"),
    [{ name: "Ada" }, { name: "Cy" }],
  ],
  [
    "compares an enum with a parameter that is a text",
    () =>
      db
        .selectFrom("person")
        .select("name")
        .where("mood", "=", sql<"sad">`cast(${"sad"}::text as mood)`),
    [{ name: "Ada" }],
  ],
  [
    "compares with an array that is one parameter",
    () =>
      db
        .selectFrom("person")
        .select("name")
        .where((eb) => eb("id", "=", eb.fn.any(sql.val([1, 3]))))
        .orderBy("id"),
    [{ name: "Ada" }, { name: "Cy" }],
  ],
  [
    "joins inwards",
    () =>
      db
        .selectFrom("person")
        .innerJoin("team", "team.id", "person.team_id")
        .select(["person.name as person", "team.name as team"])
        .orderBy("person.id"),
    [
      { person: "Ada", team: "red" },
      { person: "Bob", team: "red" },
    ],
  ],
  [
    "joins outwards, with several conditions",
    () =>
      db
        .selectFrom("person")
        .leftJoin("pet", (join) => join.onRef("pet.owner_id", "=", "person.id").on("pet.species", "=", "cat"))
        .select(["person.name", "pet.name as cat"])
        .orderBy("person.id"),
    [
      { name: "Ada", cat: "Tom" },
      { name: "Bob", cat: "Kit" },
      { name: "Cy", cat: null },
    ],
  ],
  [
    "joins on both sides and crosswise",
    () =>
      db
        .selectFrom("team")
        .fullJoin("person", "person.team_id", "team.id")
        .crossJoin((eb) =>
          eb
            .selectFrom("pet")
            .select((e) => e.fn.countAll<string>().as("pets"))
            .as("counted"),
        )
        .select(["team.name as team", "person.name", "counted.pets"])
        .orderBy("person.id")
        .orderBy("team.name"),
    [
      { team: "red", name: "Ada", pets: "3" },
      { team: "red", name: "Bob", pets: "3" },
      { team: null, name: "Cy", pets: "3" },
      { team: "blue", name: null, pets: "3" },
    ],
  ],
  [
    "joins laterally",
    () =>
      db
        .selectFrom("person")
        .innerJoinLateral(
          (eb) =>
            eb
              .selectFrom("pet")
              .select("pet.name as pet")
              .whereRef("owner_id", "=", "person.id")
              .limit(1)
              .orderBy("pet.id")
              .as("first"),
          (join) => join.onTrue(),
        )
        .select(["person.name", "first.pet"])
        .orderBy("person.id"),
    [
      { name: "Ada", pet: "Rex" },
      { name: "Bob", pet: "Kit" },
    ],
  ],
  [
    "selects from a subquery and by a scalar one",
    () =>
      db
        .selectFrom((eb) => eb.selectFrom("pet").select(["owner_id", "name"]).where("species", "=", "cat").as("cat"))
        .select((eb) => [
          "cat.name",
          eb.selectFrom("person").select("person.name").whereRef("person.id", "=", "cat.owner_id").as("owner"),
        ])
        .orderBy("cat.name"),
    [
      { name: "Kit", owner: "Bob" },
      { name: "Tom", owner: "Ada" },
    ],
  ],
  [
    "asks whether rows exist",
    () =>
      db
        .selectFrom("person")
        .select("name")
        .where((eb) =>
          eb.exists(
            eb.selectFrom("pet").select("pet.id").whereRef("owner_id", "=", "person.id").where("species", "=", "dog"),
          ),
        ),
    [{ name: "Ada" }],
  ],
  [
    "groups, aggregates and filters groups",
    () =>
      db
        .selectFrom("pet")
        .select((eb) => [
          "species",
          eb.fn.countAll<string>().as("pets"),
          eb.fn.count<string>("owner_id").distinct().as("owners"),
          eb.fn.sum<number>("weight").as("weight"),
          eb.fn.avg<number>("weight").filterWhere("weight", ">", 5).as("heavy"),
          eb.fn.max("name").as("last"),
        ])
        .groupBy("species")
        .having((eb) => eb.fn.countAll(), ">", 0)
        .orderBy("species"),
    [
      { species: "cat", pets: "2", owners: "2", weight: 4, heavy: null, last: "Tom" },
      { species: "dog", pets: "1", owners: "1", weight: 20.5, heavy: 20.5, last: "Rex" },
    ],
  ],
  [
    "looks through windows",
    () =>
      db
        .selectFrom("pet")
        .select((eb) => [
          "name",
          eb.fn
            .agg<string>("row_number")
            .over((over) => over.partitionBy("species").orderBy("name"))
            .as("nth"),
          eb.fn
            .sum<number>("weight")
            .over((over) => over.orderBy("id"))
            .as("so_far"),
          sql<string | null>`lag(name) over (order by id)`.as("before"),
        ])
        .orderBy("id"),
    [
      { name: "Rex", nth: "1", so_far: 20.5, before: null },
      { name: "Tom", nth: "2", so_far: 24.5, before: "Rex" },
      { name: "Kit", nth: "1", so_far: 24.5, before: "Tom" },
    ],
  ],
  [
    "names common table expressions, one from the other",
    () =>
      db
        .with("cats", (query) => query.selectFrom("pet").selectAll().where("species", "=", "cat"))
        .with("owners", (query) =>
          query.selectFrom("cats").innerJoin("person", "person.id", "owner_id").select("person.name"),
        )
        .selectFrom("owners")
        .selectAll()
        .orderBy("name"),
    [{ name: "Ada" }, { name: "Bob" }],
  ],
  [
    "recurs",
    () =>
      db
        .withRecursive("n(i)", (query) =>
          query.selectNoFrom(sql<number>`1`.as("i")).unionAll(
            query
              .selectFrom("n")
              .select(sql<number>`i + 1`.as("i"))
              .where("i", "<", 4),
          ),
        )
        .selectFrom("n")
        .select("i"),
    [1, 2, 3, 4].map((i) => ({ i })),
  ],
  [
    "unites, intersects and subtracts",
    () =>
      db
        .selectFrom("person")
        .select("name")
        .union(db.selectFrom("pet").select("name"))
        .except(db.selectFrom("pet").select("name").where("species", "=", "cat"))
        .unionAll(
          db
            .selectFrom("team")
            .select("name")
            .intersect(db.selectFrom("team").select("name").where("id", "=", 1)),
        )
        .orderBy("name"),
    ["Ada", "Bob", "Cy", "Rex", "red"].map((name) => ({ name })),
  ],
  [
    "chooses by case, coalesces and casts",
    () =>
      db
        .selectFrom("person")
        .select((eb) => [
          eb.case().when("team_id", "is", null).then("alone").else("teamed").end().as("state"),
          eb.fn.coalesce("born", sql<string>`'1900-01-01'::date`).as("born"),
          eb.cast<string>("id", "text").as("id"),
        ])
        .orderBy("id", "desc"),
    [
      { state: "alone", born: "1900-01-01", id: "3" },
      { state: "teamed", born: "1900-01-01", id: "2" },
      { state: "teamed", born: "1815-12-10", id: "1" },
    ],
  ],
  [
    "keeps one row for each of distinct values",
    () => db.selectFrom("pet").distinctOn("species").select(["species", "name"]).orderBy("species").orderBy("name"),
    [
      { species: "cat", name: "Kit" },
      { species: "dog", name: "Rex" },
    ],
  ],
  [
    "nests rows as JSON",
    () =>
      db
        .selectFrom("person")
        .select((eb) => [
          "name",
          jsonArrayFrom(
            eb
              .selectFrom("pet")
              .select(["pet.name", "weight"])
              .whereRef("owner_id", "=", "person.id")
              .orderBy("pet.id"),
          ).as("pets"),
          jsonObjectFrom(eb.selectFrom("team").select(["team.name", "team.id"]).whereRef("team.id", "=", "team_id")).as(
            "team",
          ),
          jsonBuildObject({ first: eb.ref("person.name"), id: eb.ref("person.id") }).as("built"),
        ])
        .orderBy("person.id")
        .limit(2),
    [
      {
        name: "Ada",
        pets: [
          { name: "Rex", weight: 20.5 },
          { name: "Tom", weight: 4 },
        ],
        team: { name: "red", id: 1 },
        built: { first: "Ada", id: 1 },
      },
      {
        name: "Bob",
        pets: [{ name: "Kit", weight: null }],
        team: { name: "red", id: 1 },
        built: { first: "Bob", id: 2 },
      },
    ],
  ],
  [
    "aggregates rows and values into JSON and arrays",
    () =>
      db
        .selectFrom("pet")
        .select((eb) => [
          eb.fn.jsonAgg("pet").as("pets"),
          eb.fn.agg<string[]>("array_agg", ["name"]).as("names"),
          eb.fn
            .agg<string>("string_agg", ["name", sql.lit(",")])
            .orderBy("name")
            .as("listed"),
        ])
        .where("species", "=", "dog"),
    [
      {
        pets: [{ id: 1, owner_id: 1, name: "Rex", species: "dog", weight: 20.5 }],
        names: ["Rex"],
        listed: "Rex",
      },
    ],
  ],
  [
    "compares rows as tuples",
    () =>
      db
        .selectFrom("pet")
        .select("id")
        .where((eb) => eb(eb.refTuple("species", "name"), "in", [eb.tuple("cat", "Tom"), eb.tuple("dog", "Rex")]))
        .orderBy("id"),
    [{ id: 1 }, { id: 2 }],
  ],
  ["locks rows", () => db.selectFrom("person").select("id").where("id", "=", 1).forUpdate().skipLocked(), [{ id: 1 }]],
];

describe("a query", () => {
  it.each(READS)("%s", async (_, build, rows) => {
    expect(await build().execute()).toEqual(rows);
  });
});

describe("a write", () => {
  it("of rows tells how many it inserted", async () => {
    const [result] = await db
      .insertInto("team")
      .values([{ name: "a" }, { name: "b" }])
      .execute();
    expect(result?.numInsertedOrUpdatedRows).toBe(2n);
  });

  it("of rows gives them back", async () => {
    const made = await db.insertInto("person").values({ name: "Di" }).returningAll().executeTakeFirstOrThrow();
    expect(made).toEqual({ id: 4, name: "Di", team_id: null, mood: "happy", born: null });
  });

  it("of rows takes them from a query", async () => {
    await db
      .insertInto("team")
      .columns(["name"])
      .expression((eb) => eb.selectFrom("pet").select((e) => sql<string>`upper(${e.ref("name")})`.as("name")))
      .execute();
    expect(await db.selectFrom("team").select("name").where("id", ">", 2).orderBy("name").execute()).toEqual(
      ["KIT", "REX", "TOM"].map((name) => ({ name })),
    );
  });

  it("that conflicts changes the row that is there", async () => {
    const upsert = (weight: number): Promise<unknown> =>
      db
        .insertInto("pet")
        .values({ owner_id: 1, name: "Rex", species: "dog", weight })
        .onConflict((conflict) =>
          conflict
            .constraint("pet_of_owner")
            .doUpdateSet((eb) => ({ weight: eb.ref("excluded.weight") }))
            .where((eb) => eb("pet.weight", "<", 30)),
        )
        .returning(["id", "weight"])
        .execute();
    expect(await upsert(31)).toEqual([{ id: 1, weight: 31 }]);
    expect(await upsert(32)).toEqual([]);
  });

  it("that conflicts does nothing where that is wanted", async () => {
    const result = await db
      .insertInto("team")
      .values({ name: "red" })
      .onConflict((conflict) => conflict.column("name").doNothing())
      .executeTakeFirst();
    expect(result.numInsertedOrUpdatedRows).toBe(0n);
  });

  it("updates rows, from another table too, and tells how many", async () => {
    const result = await db
      .updateTable("person")
      .from("team")
      .set((eb) => ({ name: sql<string>`${eb.ref("person.name")} || ' of ' || ${eb.ref("team.name")}`, mood: "sad" }))
      .whereRef("team.id", "=", "person.team_id")
      .executeTakeFirst();
    expect(result.numUpdatedRows).toBe(2n);
    expect(await db.selectFrom("person").select(["name", "mood"]).where("id", "=", 2).execute()).toEqual([
      { name: "Bob of red", mood: "sad" },
    ]);
  });

  it("deletes rows, by another table too, and tells how many", async () => {
    const [result] = await db.deleteFrom("pet").where("species", "=", "cat").execute();
    expect(result?.numDeletedRows).toBe(2n);
    const gone = await db
      .deleteFrom("person")
      .using("team")
      .whereRef("team.id", "=", "person.team_id")
      .where("person.name", "like", "B%")
      .returning("person.name")
      .execute();
    expect(gone).toEqual([{ name: "Bob" }]);
  });

  it("merges", async () => {
    const result = await db
      .mergeInto("team")
      .using("person", (join) => join.onRef("person.team_id", "=", "team.id").on("person.name", "=", "Ada"))
      .whenMatched()
      .thenUpdateSet({ name: "merged" })
      .whenNotMatchedAnd("person.name", "=", "Cy")
      .thenInsertValues({ name: "made" })
      .executeTakeFirst();
    expect(result.numChangedRows).toBe(2n);
    expect(await db.selectFrom("team").select("name").orderBy("name").execute()).toEqual(
      ["blue", "made", "merged"].map((name) => ({ name })),
    );
  });

  it("merges, and tells what it did to each row (PostgreSQL 17)", async () => {
    const rows = await db
      .mergeInto("team")
      .using("person", (join) => join.onRef("person.team_id", "=", "team.id").on("person.name", "=", "Ada"))
      .whenMatched()
      .thenDelete()
      .returning(["team.name", mergeAction().as("action")])
      .execute();
    expect(rows).toEqual([{ name: "red", action: "DELETE" }]);
  });

  it("stands in a common table expression", async () => {
    const moved = await db
      .with("gone", (query) => query.deleteFrom("pet").where("species", "=", "dog").returning(["owner_id", "name"]))
      .insertInto("team")
      .columns(["name"])
      .expression((eb) => eb.selectFrom("gone").select("gone.name"))
      .returning("name")
      .execute();
    expect(moved).toEqual([{ name: "Rex" }]);
  });

  it("is seen in the number of rows of raw SQL, too", async () => {
    const result = await sql`update pet set weight = ${1.5} where species = ${"cat"}`.execute(db);
    expect(result).toEqual({ rows: [], numAffectedRows: 2n });
  });
});

describe("a value", () => {
  const at = new Date("2026-02-03T04:05:06.789Z");

  it.each<[string, unknown, unknown?]>([
    ["big", 9007199254740993n, "9007199254740993"],
    ["big", 7, "7"],
    ["exact", "12345678901234567890.10"],
    ["at", at],
    ["at", "2026-02-03T06:05:06.789+02:00", at],
    ["at", "infinity"],
    ["local", at],
    ["day", "2026-02-03"],
    ["data", Buffer.from([0, 1, 255])],
    ["doc", { list: [1, null, { at: "x" }], text: "é" }],
    ["doc", [1, "two", null]],
    ["tags", ["a", null, 'b,"c', "NULL", ""]],
    ["numbers", [1, 9007199254740993n], ["1", "9007199254740993"]],
    ["moods", ["sad", "happy"]],
    ["even", 4],
    ["ratio", 0.1],
    ["ratio", NaN],
    ["ratio", -Infinity],
    ["key", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    ["length", "1 day 02:00:00"],
    ["span", "[1,5)"],
    ["doc", null],
  ])("of column %s that was written as %o comes back", async (column, written, expected = written) => {
    const row = await db
      .insertInto("sample")
      .values({ [column]: written })
      .returningAll()
      .executeTakeFirstOrThrow();
    expect(row).toMatchObject({ id: "1", [column]: expected });
  });

  it("becomes what the dialect's types say", async () => {
    const own = new Kysely<Database>({
      dialect: new PostgateDialect({
        client,
        types: { int8: Number, mood: (value) => `${String(value)}!`, timestamptz: (value) => value },
      }),
    });
    const { rows } = await sql`
      select 7::int8 as n, array[1::int8] as a, 'sad'::mood as m, '2026-02-03 04:05:06.789123Z'::timestamptz as t`.execute(
      own,
    );
    expect(rows).toEqual([{ n: 7, a: [1], m: "sad!", t: "2026-02-03T04:05:06.789123+00:00" }]);
  });
});

describe("Kysely itself", () => {
  it("renames by its plugins", async () => {
    const camel = db.withPlugin(new CamelCasePlugin()) as unknown as Kysely<{ person: { teamId: number; id: number } }>;
    expect(await camel.selectFrom("person").select(["id", "teamId"]).where("teamId", "=", 1).execute()).toEqual([
      { id: 1, teamId: 1 },
      { id: 2, teamId: 1 },
    ]);
  });

  it("logs queries and errors", async () => {
    const logged: string[] = [];
    const logging = new Kysely<Database>({
      dialect: new PostgateDialect({ client }),
      log: ({ level, query }) => void logged.push(`${level}: ${query.sql}`),
    });
    await sql`select 1`.execute(logging);
    await expect(sql`select 1 / 0`.execute(logging)).rejects.toThrow();
    expect(logged).toEqual(["query: select 1", "error: select 1 / 0"]);
  });

  it("explains a query", async () => {
    const [line] = await db.selectFrom("person").selectAll().explain();
    expect(JSON.stringify(line)).toContain("Seq Scan on person");
  });

  it("takes the dialect apart when it is destroyed", async () => {
    const short = new Kysely<Database>({ dialect: new PostgateDialect({ client }) });
    await short.selectFrom("person").selectAll().execute();
    await short.destroy();
    await expect(short.selectFrom("person").selectAll().execute()).rejects.toThrow("destroyed");
  });
});

describe("an error", () => {
  const errorOf = (query: { execute(): Promise<unknown> }): Promise<unknown> =>
    query.execute().then(
      () => undefined,
      (error: unknown) => error,
    );

  it("of PostgreSQL is the client's, with its fields", async () => {
    const error = await errorOf(db.insertInto("pet").values({ owner_id: 99, name: "x", species: "cat" }));
    expect(error).toBeInstanceOf(PostgateError);
    expect(error).toMatchObject({ code: "DATABASE_ERROR", sqlstate: "23503", table: "pet" });
  });

  it("of the SQL policy is the client's, with its reason", async () => {
    const error = await errorOf(db.withSchema("public").selectFrom("person").selectAll());
    expect(error).toMatchObject({ code: "PARSE_ERROR", reason: "QUALIFIED_NAME" });
  });

  it("of a token that may not is the client's", async () => {
    const { token } = await tenant.withPermissions("SELECT");
    const reader = new Kysely<Database>({
      dialect: new PostgateDialect({ client: new PostgateClient(gateway.url, token) }),
    });
    expect(await errorOf(reader.deleteFrom("person"))).toMatchObject({
      reason: "OPERATION_NOT_ALLOWED",
      message: "Operation DELETE is not allowed",
    });
    expect(await reader.selectFrom("team").select("name").where("id", "=", 1).execute()).toEqual([{ name: "red" }]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ["transaction()", () => db.transaction().execute(() => Promise.resolve())],
    [
      "transaction() with an isolation level",
      () =>
        db
          .transaction()
          .setIsolationLevel("serializable")
          .execute(() => Promise.resolve()),
    ],
    ["startTransaction()", () => db.startTransaction().execute()],
  ])("of %s names the batch, and nothing is run", async (_, start) => {
    await expect(start()).rejects.toThrow(
      "No transaction can wait for its client over HTTP: run queries atomically with batch()",
    );
  });

  it("of stream() says that an answer comes as a whole", async () => {
    const read = async (): Promise<void> => {
      for await (const row of db.selectFrom("person").selectAll().stream()) expect(row).toBeUndefined();
    };
    await expect(read()).rejects.toThrow("there is no stream() over HTTP");
  });
});
