import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../../support/gateway.ts";

describe("a tenant whose row names another schema", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway();
  });
  afterAll(() => gateway.close());

  it("works there as soon as the change is seen, and back again", async () => {
    const tenant = await gateway.createTenant();
    await tenant.rows("create table notes (body text)");
    const [row] = await gateway.database.query("select schema_name from postgate_databases where id = $1", [tenant.id]);
    const rename = (schema: unknown): Promise<unknown> =>
      gateway.database.query("update postgate_databases set schema_name = $2 where id = $1", [tenant.id, schema]);

    await gateway.database.query("create schema tenant_elsewhere");
    await rename("tenant_elsewhere");
    // The same name: refused until the change is seen.
    await expect
      .poll(async () => (await tenant.query("create table notes (title text)")).status, { timeout: 5_000 })
      .toBe(200);
    expect(await gateway.database.query("select title from tenant_elsewhere.notes")).toEqual([]);

    await rename(row?.schema_name);
    await expect.poll(async () => (await tenant.query("select body from notes")).status, { timeout: 5_000 }).toBe(200);
  });
});
