// What docs/explanation/caches.md says of caches that no other test holds to it.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGateway, type Gateway } from "../../src/gateway.ts";
import { post, startTestGateway, testConfig, type TestGateway, type TestTenant } from "../support/gateway.ts";

describe("of what a gateway keeps", () => {
  let gateway: TestGateway;
  let other: Gateway;
  let otherUrl: string;
  let tenant: TestTenant;
  beforeAll(async () => {
    gateway = await startTestGateway();
    other = createGateway(testConfig(gateway.database), () => undefined);
    otherUrl = (await other.listen()).url;
    tenant = await gateway.createTenant();
  });
  afterAll(async () => {
    await other.close();
    await gateway.close();
  });

  /** By another instance, which tells this one nothing. */
  async function elsewhere(sql: string): Promise<void> {
    expect((await post(otherUrl, tenant.token, { sql })).body).not.toHaveProperty("error");
  }

  async function createDedicated(): Promise<TestTenant> {
    const { host, database } = gateway.database.connection;
    const [row] = await gateway.database.query(
      "insert into postgate_databases (name, backend_type, connection_string) values ('own', 'dedicated', $1) returning id",
      [`postgres://postgres@/${database}?host=${encodeURIComponent(host)}`],
    );
    return gateway.tenantOf(String(row.id));
  }

  it("a statement without parameters follows each change of its table", async () => {
    await tenant.rows("create table notes (x numeric)");
    await tenant.rows("insert into notes values (1.6)");
    const sql = "select *, x * 10 as ten from notes where x >= 1.6 or x = 2";
    for (let round = 0; round < 3; round++) expect(await tenant.rows(sql)).toEqual([{ x: "1.6", ten: "16.0" }]);
    await elsewhere("alter table notes alter x type int");
    expect(await tenant.rows(sql)).toEqual([{ x: 2, ten: 20 }]);
    await elsewhere("alter table notes add y int default 1");
    expect(await tenant.rows(sql)).toEqual([{ x: 2, y: 1, ten: 20 }]);
    await elsewhere("drop table notes");
    expect((await tenant.query(sql)).body).toMatchObject({ sqlstate: "42P01" });
  });

  it("a statement whose parameters are all cast follows each change of its table", async () => {
    await tenant.rows("create table casts (x numeric)");
    const sql = "insert into casts values ($1::numeric)";
    for (let round = 0; round < 2; round++) await tenant.rows(sql, ["1.5"]);
    await elsewhere("alter table casts alter x type int");
    await tenant.rows(sql, ["3.6"]); // As written: a numeric is assigned to an int.
    expect(await tenant.rows("select max(x) as x from casts")).toEqual([{ x: 4 }]);
  });

  it("the literal of an enum means its value, whatever another instance calls it", async () => {
    await tenant.rows("create type mood as enum ('sad', 'ok')");
    await tenant.rows("create table moods (m mood)");
    await tenant.rows("insert into moods values ('ok')");
    const sql = "select m from moods where m = 'ok'";
    for (let round = 0; round < 2; round++) expect(await tenant.rows(sql)).toEqual([{ m: "ok" }]);
    await elsewhere("alter type mood rename value 'ok' to 'fine'");
    expect(await tenant.rows(sql)).toEqual([{ m: "fine" }]);
    // A parameter is read each time.
    expect((await tenant.query("select m from moods where m = $1", ["ok"])).body).toMatchObject({ sqlstate: "22P02" });
    await tenant.rows("create table another (x int)"); // After DDL of its own, nothing is kept.
    expect((await tenant.query(sql)).body).toMatchObject({ sqlstate: "22P02" });
  });

  it("the name of a type is the old one until a minute has passed, or until the tenant's own DDL", async () => {
    await tenant.rows("create type color as enum ('red')");
    const typeName = async (): Promise<unknown> => {
      const { body } = await post(gateway.url, tenant.token, { sql: "select max(c) as c from colors", fields: true });
      return body.fields[0].type;
    };
    await tenant.rows("create table colors (c color)");
    expect(await typeName()).toBe("color");
    await elsewhere("alter type color rename to hue");
    expect(await typeName()).toBe("color");
    await tenant.rows("insert into colors values ('red')");
    await tenant.rows("create table painted (x int)");
    expect(await typeName()).toBe("hue");
  });

  it("a name stays with its table where a new one hides it, for a statement without parameters", async () => {
    const owner = await createDedicated();
    const { database } = gateway.database.connection;
    await gateway.database.query(
      `create schema ahead; alter database ${database} set search_path = ahead, behind, public`,
    );
    await gateway.database.query(
      "create schema behind; create table behind.hidden (x int); insert into behind.hidden values (1)",
    );
    const [plain, guarded] = ["select x from hidden", "select x from hidden where x > $1"];
    for (let round = 0; round < 3; round++) {
      expect(await owner.rows(plain)).toEqual([{ x: 1 }]);
      expect(await owner.rows(guarded, [0])).toEqual([{ x: 1 }]);
    }
    await gateway.database.query("create table ahead.hidden (x int); insert into ahead.hidden values (2)");
    expect(await owner.rows(plain)).toEqual([{ x: 1 }]);
    expect(await owner.rows(guarded, [0])).toEqual([{ x: 2 }]);
    expect(await owner.rows(plain)).toEqual([{ x: 2 }]); // The guard has failed, and nothing is kept any more.
  });

  it("helpers that the owner of a dedicated database drops are missed", async () => {
    const owner = await createDedicated();
    const sql = "select * from postgate_helpers.describe_table('nothing')";
    expect(await owner.rows(sql)).toEqual([]);
    await gateway.database.query("alter schema postgate_helpers rename to taken_away");
    expect((await owner.query(sql)).body).toMatchObject({ code: "DATABASE_ERROR", sqlstate: "3F000" });
    await gateway.database.query("alter schema taken_away rename to postgate_helpers");
    expect(await owner.rows(sql)).toEqual([]);
  });
});
