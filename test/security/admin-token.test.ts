// SECURITY.md lists what an admin token cannot do. Each of its sentences has a short test here. dedicated-servers.test.ts and
// schemas-of-rows.test.ts have longer ones.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDb } from "../../src/cli/create-db.ts";
import { connect } from "../../src/postgres/connect.ts";
import { startProxy } from "../integration/execution/proxy.ts";
import { clusterConnection } from "../support/cluster.ts";
import { startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

let gateway: TestGateway;
const socket = encodeURIComponent("/nowhere");

beforeAll(async () => {
  gateway = await startTestGateway({ config: { dedicatedHosts: ["default", "127.0.0.0/8"] } });
});
afterAll(() => gateway.close());

async function insertRow(connectionString: string): Promise<TestTenant> {
  const id = randomUUID();
  await gateway.admin.rows(
    "insert into postgate_databases (id, name, backend_type, connection_string) values ($1, 'taken', 'dedicated', $2)",
    [id, connectionString],
  );
  return gateway.tenantOf(id);
}

const REFUSED = { status: 503, body: { error: "The operator does not allow this database's server" } };

/** Maps the beginning of each sentence to its test. */
const TESTS: Readonly<Record<string, () => Promise<void>>> = {
  "It does not reach the server of": async () => {
    const proxy = await startProxy(clusterConnection(), {});
    const url = `postgres://postgres@127.0.0.1:${proxy.connection.port}/postgres?sslmode=disable`;
    expect(await (await insertRow(url)).query("select 1")).toMatchObject(REFUSED);
    await proxy.close();
  },
  "It does not reach the machine of": async () => {
    for (const host of [encodeURIComponent(clusterConnection().host), "[::1]", "169.254.169.254"])
      expect(await (await insertRow(`postgres://postgres@${host}/postgres`)).query("select 1")).toMatchObject(REFUSED);
  },
  "It does not change the login": async () => {
    const printed: string[] = [];
    const client = await connect(gateway.operator);
    const terminal = { print: (line: string) => printed.push(line), note: () => undefined };
    const url = `postgres://app@/shop?host=${socket}`;
    await createDb(client, terminal, { name: "own", maxRows: 10, dedicatedUrl: url, sealingKey: undefined });
    await client.end();
    const own = await gateway.tenantOf(printed[0] ?? "");
    expect((await own.query("select 1")).body.error).toBe("The database cannot be reached"); // The server is allowed, but does not exist.
    for (const changed of [url.replace("app", "postgres"), url.replace("shop", "postgres"), `${url}2`]) {
      await gateway.admin.rows("update postgate_databases set connection_string = $2 where id = $1", [own.id, changed]);
      const deadline = performance.now() + 5_000;
      let answer = await own.query("select 1");
      while (answer.body.error !== REFUSED.body.error && performance.now() < deadline)
        answer = await own.query("select 1");
      expect(answer).toMatchObject(REFUSED);
    }
  },
  "It does not set session options": async () => {
    const url = "postgres://x:y@203.0.113.1/z?options=-csearch_path%3Dpostgate_private";
    expect(await (await insertRow(url)).query("select 1")).toMatchObject(REFUSED);
  },
  "It does not take a schema": async () => {
    await gateway.database.query("create schema payroll");
    const id = randomUUID();
    await gateway.admin.rows("insert into postgate_databases (id, name, schema_name) values ($1, 'x', 'payroll')", [
      id,
    ]);
    expect(await (await gateway.tenantOf(id)).query("select 1")).toMatchObject({ status: 404 });
  },
  "It does not read the passwords": async () => {
    // This holds even if the judge is wrong: neither a role that a token can become nor a login behind it has a right on the schema.
    await (await gateway.createTenant()).rows("select 1");
    const rights = await gateway.database.query(`
      select r.rolname, c.relname from pg_roles as r, pg_class as c
      where r.rolname ~ ('^postgate_([a-z]+_|t)' || (select oid from pg_database where datname = current_database()) || '(_|$)')
        and c.relnamespace = 'postgate_private'::regnamespace and c.relkind in ('r', 'p')
        and (has_schema_privilege(r.oid, 'postgate_private', 'USAGE, CREATE')
          or has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
          or has_any_column_privilege(r.oid, c.oid, 'SELECT, UPDATE'))`);
    expect(rights).toEqual([]);
    const [{ n }] = await gateway.database.query("select count(*)::int as n from postgate_private.logins");
    expect(n).toBe(2);
  },
  "It does not change what the operator's commands": async () => {
    for (const sql of [
      "insert into public_rights values ('a', 'b', 'c')",
      "select * from postgate_private.public_rights",
    ])
      expect((await gateway.admin.query(sql)).status).not.toBe(200);
  },
};

describe("an admin token, by the sentences of SECURITY.md", () => {
  const page = readFileSync(new URL("../../SECURITY.md", import.meta.url), "utf8");
  const section = page.split("## ").find((part) => part.startsWith("What an admin token cannot do")) ?? "";
  const sentences = [...section.matchAll(/^- (.*(?:\n {2}.*)*)/gm)].map(([, text = ""]) =>
    text.replaceAll(/\s+/g, " "),
  );

  it("has a test for each sentence about what it cannot do", () => {
    expect(sentences.length).toBe(Object.keys(TESTS).length);
  });

  it.each(sentences)("%s", async (sentence) => {
    const found = Object.entries(TESTS).find(([beginning]) => sentence.startsWith(beginning));
    expect(found).toBeDefined();
    await found?.[1]();
  });
});
