import { expect, it, onTestFinished } from "vitest";
import { examineCutBackends } from "../../../src/doctor/examine-cut-backends.ts";
import { connect } from "../../../src/postgres/connect.ts";
import { createTestDatabase } from "../../support/cluster.ts";

it("doctor reports backends that run a tenant's statement beyond its timeout", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  const client = await connect(database.connection);
  const tenant = await connect(database.connection);
  onTestFinished(async () => {
    await client.end();
    await tenant.end();
  });
  const examine = (timeoutMs: number) => examineCutBackends(client, { login: database.connection.user, timeoutMs });
  expect(await examine(0)).toEqual([]);
  const sleeping = tenant.query("select pg_sleep(60)").catch(() => undefined);
  await expect
    .poll(() => examine(0), { timeout: 15_000 })
    .toMatchObject([
      {
        wall: "statements beyond their time",
        state: "weaker",
        why: expect.stringMatching(/^1 backends of "postgres" run on, the oldest for \d+ s/),
      },
    ]);
  expect(await examine(60_000)).toEqual([]);
  await database.query("select pg_cancel_backend(pid) from pg_stat_activity where query ~ '^select pg_sleep'");
  await sleeping;
  expect(await examine(0)).toEqual([]);
});
