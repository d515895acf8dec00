import { describe, expect, it } from "vitest";
import { createGateway } from "../../../src/gateway.ts";
import { createTestDatabase } from "../../support/cluster.ts";
import { testConfig } from "../../support/gateway.ts";

describe("a gateway whose own logins the server does not let in", () => {
  it("says so at start, in one line", async () => {
    const database = await createTestDatabase();
    const first = createGateway(testConfig(database), () => undefined);
    await first.listen();
    await first.close();
    const [login] = await database.query(
      "select 'postgate_auth_' || oid as name from pg_database where datname = current_database()",
    );
    await database.query(
      `alter role ${login.name} valid until '2001-01-01'; alter role ${login.name} connection limit 0`,
    );
    const gateway = createGateway(testConfig(database), () => undefined);
    await expect(gateway.listen()).rejects.toThrow(
      new RegExp(`as "${login.name}": too many connections for role.*pg_hba.conf must let this login in`),
    );
    await gateway.close();
    await database.close();
  });
});
