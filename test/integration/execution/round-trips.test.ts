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

  it("sends the request as one write", async () => {
    proxy.takeWrites();
    await harness.run("select * from notes where body = $1", ["z"]);
    expect(proxy.takeWrites()).toBe(1);
  });

  it("takes a second one to commit a write that returns rows", async () => {
    expect(await cost("insert into notes (body) values ($1) returning id", ["x"])).toBe(2);
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
