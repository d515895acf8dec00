import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasCluster } from "../../support/cluster.ts";
import { type CountingProxy, startCountingProxy } from "./counting-proxy.ts";
import { type Harness, type RunOptions, startHarness } from "./harness.ts";

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));

describe.each(VERSIONS)("a warm connection to PostgreSQL %i", (version) => {
  let proxy: CountingProxy;
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness(version, {
      through: async (login) => {
        proxy = await startCountingProxy(login);
        return proxy.connection;
      },
    });
    await harness.run("create table notes (id serial, body text)");
  });
  afterAll(async () => {
    await harness.close();
    await proxy.close();
  });

  const cost = async (sql: string, params: readonly unknown[] = [], options: RunOptions = {}): Promise<number> => {
    proxy.takeRoundTrips();
    await harness.run(sql, params, options);
    return proxy.takeRoundTrips();
  };

  it.each<[string, readonly unknown[]]>([
    ["select * from notes where id = $1", [1]],
    ["insert into notes (body) values ($1)", ["x"]],
    ["update notes set body = $1", ["y"]],
    ["create table made (id int)", []],
  ])("runs %s in one round trip, new or prepared", async (sql, params) => {
    expect(await cost(sql, params)).toBe(1);
    if (!sql.startsWith("create")) expect(await cost(sql, params)).toBe(1);
  });

  it("sends the request as one write, the reset between two sessions with it", async () => {
    for (const session of [harness.alice, harness.bob, harness.alice]) {
      proxy.takeWrites();
      await harness.run("select $1::text", ["z"], { session });
      expect(proxy.takeWrites()).toBe(1);
    }
  });

  it("takes a second one to commit a write that returns rows", async () => {
    expect(await cost("insert into notes (body) values ($1) returning id", ["x"])).toBe(2);
  });

  it("takes a second one where a function that is called writes, and one more the first time that a view hides it", async () => {
    await harness.database.query(
      "create function alice.note() returns int language sql volatile as 'insert into alice.notes (body) values (''n'') returning id'",
    );
    await harness.run("create view noting as select note() as id");
    expect(await cost("select note()", [], { facts: { writes: true } })).toBe(2);
    expect(await cost("select * from noting")).toBe(3);
    expect(await cost("select * from noting")).toBe(2);
    const readOnly = { ...harness.alice, key: "alice reads", readOnly: true };
    for (let round = 0; round < 2; round++)
      await expect(harness.run("select * from noting", [], { session: readOnly })).rejects.toMatchObject({
        details: { sqlstate: "25006" },
      });
    expect(await cost("select * from noting")).toBe(2);
  });

  it("asks once for the types of arrays of the tenant's own types", async () => {
    await harness.run("create type mood as enum ('sad', 'ok')");
    const sql = "select $1::mood[]";
    expect(await cost(sql, [["ok"]])).toBe(2);
    expect(await cost(sql, [["sad"]])).toBe(1);
  });

  it("needs none more to change its session", async () => {
    expect(await cost("select 1", [], { session: harness.bob })).toBe(1);
    expect(await cost("select 1", [], { session: harness.alice })).toBe(1);
  });

  it("asks once for the types of a statement with array parameters", async () => {
    const sql = "select * from notes where id = any($1)";
    expect(await cost(sql, [[1]])).toBe(2);
    expect(await cost(sql, [[2]])).toBe(1);
  });

  it("learns once that a parameter's type cannot be inferred", async () => {
    const sql = "select jsonb_build_object('a', $1)";
    expect(await cost(sql, [1])).toBe(2);
    expect(await cost(sql, ["x"])).toBe(1);
    expect(await cost(sql, ["y"])).toBe(1);
  });
});
