// A statement that is kept prepared must not read a value by the type that a column had when the statement was parsed. Each case
// runs a statement until it is kept, changes the schema, and runs it again: what it stores, finds or answers then is compared with
// what PostgreSQL does with the same statement, not prepared, on a second table that went through the same changes.

import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGateway, type Gateway } from "../../../src/gateway.ts";
import { hasCluster } from "../../support/cluster.ts";
import { type Answer, post, startTestGateway, testConfig, type TestGateway } from "../../support/gateway.ts";
import { someoneWaits } from "../../support/someone-waits.ts";

const VERSIONS = ([18, 15] as const).filter((version) => hasCluster(version));

interface Change {
  readonly from: string;
  readonly to: string;
  readonly using?: string;
  /** A value that the old type takes. */
  readonly before: unknown;
  /** A value that both types read, differently. */
  readonly after: unknown;
}

const CHANGES: readonly Change[] = [
  { from: "timestamptz", to: "timestamp", before: "2026-01-01 00:00+00", after: "2026-07-01 12:00+05" },
  { from: "timestamp", to: "timestamptz", before: "2026-01-01", after: "2026-07-01 12:00+05" },
  { from: "numeric", to: "int", before: "1.5", after: "1.6" },
  { from: "int", to: "numeric", before: "1", after: "1.6" },
  { from: "numeric", to: "int", before: 1.5, after: 1.6 },
  { from: "text", to: "int", using: "x::int", before: "7", after: "1.6" },
  { from: "int", to: "text", before: "7", after: "007" },
  { from: "float8", to: "numeric", before: "0.5", after: "0.1234567890123456789" },
  { from: "date", to: "timestamp", before: "2026-01-01", after: "2026-01-01 10:00" },
  { from: "timestamp", to: "date", before: "2026-01-01 10:00", after: "2026-01-01 10:00" },
  { from: "int", to: "bool", using: "x <> 0", before: "1", after: "1" },
  { from: "varchar(3)", to: "varchar(9)", before: "abc", after: "abcdef" },
  { from: "char(4)", to: "text", before: "ab", after: "ab  " },
  { from: "text[]", to: "jsonb", using: "to_jsonb(x)", before: ["a"], after: [] },
  { from: "int[]", to: "numeric[]", before: [1], after: [1.6] },
  { from: "numeric[]", to: "int[]", before: [1.5], after: [1.6] },
];

const STATEMENTS: Readonly<Record<string, (table: string) => string>> = {
  INSERT: (table) => `insert into ${table} values (2, $1)`,
  "INSERT … SELECT": (table) => `insert into ${table} select 2, $1`,
  UPDATE: (table) => `update ${table} set x = $1 where id = 1`,
  "INSERT … RETURNING": (table) => `insert into ${table} values (2, $1) returning x`,
  WHERE: (table) => `select id from ${table} where x = $1`,
};

for (const version of VERSIONS) {
  describe.each(["shared", "dedicated"] as const)(`a kept statement on PostgreSQL ${version}, %s`, (backend) => {
    let gateway: TestGateway;
    let second: Gateway;
    let psql: pg.Client;
    let urls: string[];
    let token: string;
    let tables = 0;

    beforeAll(async () => {
      gateway = await startTestGateway({ version, config: { poolSize: 4 } });
      second = createGateway(testConfig(gateway.database, { poolSize: 4 }), () => undefined);
      urls = [gateway.url, (await second.listen()).url];
      const tenant = backend === "shared" ? await gateway.createTenant() : await createDedicated();
      ({ token } = tenant);
      const { connection } = gateway.database;
      psql = new pg.Client({ ...connection, password: "" });
      await psql.connect();
      const [row] = await gateway.database.query("select schema_name from postgate_databases where id = $1", [
        tenant.id,
      ]);
      await psql.query(`set search_path = ${String(row?.schema_name ?? "public")}; set timezone = 'UTC'`);
    });
    afterAll(async () => {
      await psql.end();
      await second.close();
      await gateway.close();
    });

    async function createDedicated() {
      const { host, database } = gateway.database.connection;
      const [row] = await gateway.database.query(
        "insert into postgate_databases (name, backend_type, connection_string) values ('own', 'dedicated', $1) returning id",
        [`postgres://postgres@/${database}?host=${encodeURIComponent(host)}`],
      );
      return gateway.tenantOf(String(row.id));
    }

    const ask = (sql: string, params?: unknown, place = 0): Promise<Answer> =>
      post(urls[place] ?? "", token, { sql, params });
    const must = async (sql: string, params?: unknown, place = 0): Promise<Answer> => {
      const answer = await ask(sql, params, place);
      expect(answer.body).not.toHaveProperty("error");
      return answer;
    };

    /** Two equal tables with a view each, the name of the first without a number. */
    async function createTables({ from }: Change, before: unknown): Promise<readonly [string, string]> {
      const names = [`t${++tables}`, `u${tables}`] as const;
      for (const name of names) {
        await must(`create table ${name} (id int, x ${from})`);
        await must(`insert into ${name} values (1, $1)`, [before]);
      }
      return names;
    }

    const alter = (table: string, { to, using }: Change): string =>
      `alter table ${table} alter x type ${to}${using === undefined ? "" : ` using ${using}`}`;

    /** What PostgreSQL does with a statement that was never prepared; JSON's numbers are sent as text, as the gateway does. */
    async function unprepared(sql: string, value: unknown): Promise<unknown> {
      const text = Array.isArray(value) ? value : String(value);
      try {
        await psql.query(sql, [sql.includes("jsonb") ? JSON.stringify(value) : text]);
        return "done";
      } catch (error) {
        return (error as pg.DatabaseError).code;
      }
    }

    async function stateOf(table: string): Promise<unknown> {
      return (await psql.query(`select id, x::text from ${table} order by 1, 2`)).rows;
    }

    async function expectAsUnprepared(
      { name, change }: { name: string; change: Change },
      [own, twin]: readonly [string, string],
      answer: Answer,
    ) {
      const sql = STATEMENTS[name]?.(twin) ?? "";
      const isJson = change.to === "jsonb";
      const expected = await unprepared(sql, isJson ? JSON.stringify(change.after) : change.after);
      expect(answer.status === 200 ? "done" : answer.body.sqlstate).toBe(expected);
      expect(await stateOf(own)).toEqual(await stateOf(twin));
      if (!name.startsWith("WHERE") || expected !== "done") return;
      const found = await psql.query(sql, [
        Array.isArray(change.after) && !isJson
          ? change.after
          : isJson
            ? JSON.stringify(change.after)
            : String(change.after),
      ]);
      expect(answer.body.rows).toEqual(found.rows);
    }

    // Every change by an INSERT; the first ones by all statements.
    const CASES = Object.keys(STATEMENTS).flatMap((name) =>
      (name === "INSERT" ? CHANGES : CHANGES.slice(0, 3)).map((change) => ({
        ...{ name, change },
        title: `${name}: ${change.from} → ${change.to}, ${JSON.stringify(change.after)}`,
      })),
    );

    const ALTERERS = {
      "the same process": (sql: string) => must(sql),
      "another instance": (sql: string) => must(sql, undefined, 1),
      psql: (sql: string) => psql.query(sql),
    };

    describe.each(Object.entries(ALTERERS))("after a change by %s", (_, change) => {
      it.each(CASES)("$title", async (each) => {
        const names = await createTables(each.change, each.change.before);
        const sql = STATEMENTS[each.name]?.(names[0]) ?? "";
        for (let round = 0; round < 2; round++) await must(sql, [each.change.before]);
        await must(`delete from ${names[0]} where id = 2`);
        for (const name of names) await change(alter(name, each.change));
        await expectAsUnprepared(each, names, await ask(sql, [each.change.after]));
      });
    });

    describe("that waits for an open change", () => {
      it.each(CASES.filter(({ change }) => change.using === undefined))("$title", async (each) => {
        const names = await createTables(each.change, each.change.before);
        const sql = STATEMENTS[each.name]?.(names[0]) ?? "";
        for (let round = 0; round < 2; round++) await must(sql, [each.change.before]);
        await must(`delete from ${names[0]} where id = 2`);
        await psql.query("begin");
        for (const name of names) await psql.query(alter(name, each.change));
        const answering = ask(sql, [each.change.after]);
        await expect.poll(() => someoneWaits(gateway.database), { timeout: 10_000 }).toBe(true);
        await psql.query("commit");
        await expectAsUnprepared(each, names, await answering);
      });
    });
  });
}
