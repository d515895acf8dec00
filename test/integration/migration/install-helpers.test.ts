import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installHelpers } from "../../../src/migration/install-helpers.ts";
import { connect } from "../../../src/postgres/connect.ts";
import type { ConnectionSettings } from "../../../src/postgres/connection-settings.ts";
import { createTestDatabase, openToEverybody, type TestDatabase } from "../../support/cluster.ts";
import { queryAs, VERSIONS } from "./support.ts";

describe.each(VERSIONS)("installHelpers on PostgreSQL %i", (version) => {
  let database: TestDatabase;
  let login: ConnectionSettings;

  beforeAll(async () => {
    database = await createTestDatabase(version);
    await openToEverybody(database);
    const user = `dedicated_${database.connection.database}`;
    await database.query(
      `create role ${user} login; create schema app authorization ${user}; create table app.notes (id int primary key)`,
    );
    await database.query(`alter table app.notes owner to ${user}; alter role ${user} set search_path = app`);
    login = { ...database.connection, user };
  });
  afterAll(async () => {
    await database.query(`drop owned by ${login.user}`);
    await database.close();
  });

  async function install(settings: ConnectionSettings): Promise<void> {
    const client = await connect(settings);
    try {
      await installHelpers(client);
    } finally {
      await client.end();
    }
  }

  it("fails with PostgreSQL's error if the login may not create a schema", async () => {
    await expect(install(login)).rejects.toMatchObject({ code: "42501" });
  });

  it("installs the helpers once when many calls run at the same time", async () => {
    await database.query(`grant create on database ${login.database} to ${login.user}`);
    await Promise.all(Array.from({ length: 5 }, () => install(login)));

    expect(await queryAs(login, "select * from postgate_helpers.list_tables()")).toEqual([
      { table_name: "notes", row_count: "0" },
    ]);
    expect(
      await queryAs(login, "select column_name, is_primary_key from postgate_helpers.describe_table('notes')"),
    ).toEqual([{ column_name: "id", is_primary_key: true }]);
  });

  it("refuses to list the tables of a schema to a login without rights on it", async () => {
    const user = `reader_${database.connection.database}`;
    await database.query(`create role ${user} login`);
    await expect(queryAs({ ...login, user }, "select * from postgate_helpers.tables_of_caller('app')")).rejects.toThrow(
      "This schema is not yours",
    );
  });
});
