import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { QueryPool } from "../../../src/postgres/query-pool.ts";
import { createTestDatabase, type TestDatabase } from "../../support/cluster.ts";

const ONE = { name: "one", text: "select 1 as one" };
const SLOW = { name: "slow", text: "select 2 as two from pg_sleep(0.5)" };

describe("QueryPool", () => {
  let database: TestDatabase;
  let pool: QueryPool;
  beforeEach(async () => {
    database = await createTestDatabase();
    pool = new QueryPool({ connection: database.connection, maxConnections: 1, timeoutMs: 5_000 });
  });
  afterEach(async () => {
    await pool.close();
    await database.close();
  });

  /** Ends the pool's session as soon as it runs the slow query. */
  async function endSession(): Promise<void> {
    const end =
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    while ((await database.query(end)).length === 0);
  }

  it("repeats a query on a new connection when the session of a reused connection was ended", async () => {
    await pool.query(ONE, []);
    const answer = pool.query(SLOW, []);
    await endSession();
    expect(await answer).toEqual([{ two: 2 }]);
    expect(pool.usage).toEqual({ connections: 1, inUse: 0, waiting: 0 });
  });

  it("reports the error, and does not repeat the query, when the session of a new connection was ended", async () => {
    const answer = pool.query(SLOW, []);
    const told = expect(answer).rejects.toMatchObject({ code: "57P01" });
    await endSession();
    await told;
    expect(await pool.query(ONE, [])).toEqual([{ one: 1 }]);
  });

  it("does not repeat a query that the database has refused", async () => {
    await pool.query(ONE, []);
    await expect(pool.query({ name: "wrong", text: "select 1 / 0" }, [])).rejects.toMatchObject({ code: "22012" });
    expect(await pool.query(ONE, [])).toEqual([{ one: 1 }]);
  });
});
