// batch() of postgate/kysely: what there is of transactions over HTTP.

import {
  CamelCasePlugin,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  sql,
} from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { PostgateClient, PostgateError } from "../../../src/client/index.ts";
import { batch, PostgateDialect } from "../../../src/kysely/index.ts";
import { connect } from "../../../src/postgres/connect.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway.ts";
import { someoneWaits } from "../../support/someone-waits.ts";
import { createTables, type Database } from "./database.ts";

let gateway: TestGateway;
let client: PostgateClient;
let db: Kysely<Database>;

const COUNTING = sql`select count(*) from generate_series(1, 1000000000)`;

beforeAll(async () => {
  gateway = await startTestGateway();
  const { token } = await gateway.createTenant({ name: "batch" });
  client = new PostgateClient(gateway.url, token);
  db = new Kysely<Database>({ dialect: new PostgateDialect({ client }) });
  await createTables(db);
});
beforeEach(() => sql`truncate person, team, pet restart identity`.execute(db));
afterAll(() => gateway.close());

const addTeam = (name: string) => db.insertInto("team").values({ name, budget: "1.50" });
const teams = (): Promise<{ name: string }[]> => db.selectFrom("team").select("name").orderBy("id").execute();

describe("a batch", () => {
  it("answers every query in its own form and type", async () => {
    const results = await batch(db, [
      addTeam("red"),
      db.insertInto("person").values({ name: "Ada", team_id: 1 }).returning(["id", "mood"]),
      db.updateTable("team").set({ budget: "2.00" }),
      db.selectFrom("person").innerJoin("team", "team.id", "team_id").select(["person.name", "budget"]),
      sql<{ big: string }>`select ${7}::int8 as big`,
      db.selectFrom("person").select("id").compile(),
      db.schema.createTable("made").addColumn("id", "integer"),
      db.schema.dropTable("made"),
    ]);
    expect(results).toEqual([
      { rows: [], numAffectedRows: 1n },
      { rows: [{ id: 1, mood: "happy" }], numAffectedRows: 1n },
      { rows: [], numAffectedRows: 1n },
      { rows: [{ name: "Ada", budget: "2.00" }] },
      { rows: [{ big: "7" }] },
      { rows: [{ id: 1 }] },
      { rows: [] },
      { rows: [] },
    ]);
    expectTypeOf(results[0]).toEqualTypeOf<QueryResult<never>>();
    expectTypeOf(results[1]).toEqualTypeOf<QueryResult<{ id: number; mood: "happy" | "sad" }>>();
    expectTypeOf(results[3]).toEqualTypeOf<QueryResult<{ name: string; budget: string }>>();
    expectTypeOf(results[4]).toEqualTypeOf<QueryResult<{ big: string }>>();
    expectTypeOf(results[5]).toEqualTypeOf<QueryResult<{ id: number }>>();
  });

  it("takes queries from a list, and none", async () => {
    expect(await batch(db, ["a", "b", "c"].map(addTeam))).toHaveLength(3);
    expect(await batch(db, [])).toEqual([]);
    expect(await teams()).toEqual(["a", "b", "c"].map((name) => ({ name })));
  });

  it("undoes all when one query fails, and tells which", async () => {
    const failing = batch(db, [addTeam("red"), addTeam("red"), addTeam("blue")]);
    await expect(failing).rejects.toBeInstanceOf(PostgateError);
    await expect(failing).rejects.toMatchObject({ statement: 1, sqlstate: "23505", constraint: "team_name_key" });
    expect(await teams()).toEqual([]);
  });

  it("runs nothing when one query is refused", async () => {
    const refused = batch(db, [addTeam("red"), db.withSchema("public").selectFrom("team").selectAll()]);
    await expect(refused).rejects.toMatchObject({ statement: 1, reason: "QUALIFIED_NAME" });
    expect(await teams()).toEqual([]);
  });

  it("is undone by its commit, too", async () => {
    await sql`alter table person add constraint later unique (name) deferrable initially deferred`.execute(db);
    const add = db.insertInto("person").values({ name: "Ada" });
    await expect(batch(db, [add, add])).rejects.toMatchObject({ sqlstate: "23505", constraint: "later" });
    expect(await db.selectFrom("person").selectAll().execute()).toEqual([]);
    await sql`alter table person drop constraint later`.execute(db);
  });

  it.each([
    ["read committed", 1],
    ["repeatable read", 0],
    ["serializable", 0],
  ] as const)("at %s sees %i of the rows that others commit meanwhile", async (isolation, seen) => {
    const select = db.selectFrom("person").select("id");
    const [row] = await gateway.database.query(
      "select relnamespace::regnamespace as name from pg_class where relname = 'pet'",
    );
    const schema = String(row?.name);
    const other = await connect(gateway.database.connection);
    await other.query(`begin; lock table ${schema}.pet`);
    const running = batch(db, [select, db.selectFrom("pet").select("id"), select], { isolation });
    const outcome = expect(running).resolves.toMatchObject([{ rows: [] }, { rows: [] }, { rows: { length: seen } }]);
    await expect.poll(() => someoneWaits(gateway.database), { interval: 20 }).toBe(true);
    await gateway.database.query(`insert into ${schema}.person (name) values ('meanwhile')`);
    await other.end();
    await outcome;
  });

  it("writes nothing where it is read-only", async () => {
    await expect(batch(db, [addTeam("red")], { read_only: true })).rejects.toMatchObject({ sqlstate: "25006" });
    const options = { isolation: "serializable", read_only: true, deferrable: true } as const;
    expect((await batch(db, [db.selectFrom("team").select("id")], options))[0].rows).toEqual([]);
  });

  it.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
    ["a batch", (signal) => batch(db, [addTeam("red"), COUNTING], { signal })],
    [
      "a query, as Kysely 0.29 does it",
      async (signal) => {
        const connection = await new PostgateDialect({ client }).createDriver().acquireConnection();
        return connection.executeQuery(COUNTING.compile(db), { signal });
      },
    ],
  ])("gives %s up with a signal, and PostgreSQL cancels it", async (_, run) => {
    const giving = new AbortController();
    const outcome = expect(run(giving.signal)).rejects.toThrow("no more");
    await expect.poll(isCounting, { interval: 20 }).toBe(true);
    giving.abort(new Error("no more"));
    await outcome;
    await expect.poll(isCounting).toBe(false);
    expect(await teams()).toEqual([]);
  });

  async function isCounting(): Promise<boolean> {
    const rows = await gateway.database.query(
      "select 1 from pg_stat_activity where query like '%1000000000%' and state = 'active' and pid <> pg_backend_pid()",
    );
    return rows.length > 0;
  }

  it("goes through the plugins of the database that it is given, both ways", async () => {
    const camel = db.withPlugin(new CamelCasePlugin()) as unknown as Kysely<{
      person: { id: number; teamId: number | null; name: string };
    }>;
    const [, found] = await batch(camel, [
      camel.insertInto("person").values({ id: 5, teamId: null, name: "Ada" }),
      camel.selectFrom("person").select(["id", "teamId"]),
    ]);
    expect(found.rows).toEqual([{ id: 5, teamId: null }]);
  });

  it("can be had within a connection", async () => {
    expect(await db.connection().execute((one) => batch(one, [one.selectFrom("team").select("id")]))).toEqual([
      { rows: [] },
    ]);
  });

  it("is refused for a database of another dialect", async () => {
    const other = new Kysely<Database>({
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (each) => new PostgresIntrospector(each),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      },
    });
    await expect(batch(other, [other.selectFrom("team").selectAll()])).rejects.toThrow("made with the PostgateDialect");
  });
});
