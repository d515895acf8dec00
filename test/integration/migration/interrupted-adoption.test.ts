// Interrupts an adoption at each of its stages in turn. Committed changes stay, all others are rolled back, and the next start
// continues from there. A stage ends with a commit, and the connection is cut just before that commit.

import { describe, expect, it } from "vitest";
import { createGateway } from "../../../src/gateway.ts";
import { migrate } from "../../../src/migration/migrate.ts";
import { type ClusterVersion, createTestDatabase, type TestDatabase } from "../../support/cluster.ts";
import { post, testConfig } from "../../support/gateway.ts";
import { startProxy } from "../execution/proxy.ts";
import {
  LONG_NAMED_TENANT,
  OLD_STYLE_TENANT,
  ORIGINAL_FUNCTIONS_SQL,
  ORIGINAL_HELPERS_SQL,
  ORIGINAL_TABLES_SQL,
  ORIGINAL_TENANT,
  ORIGINAL_TENANTS_SQL,
} from "./original-database.ts";
import { closeWithRoles, VERSIONS } from "./support.ts";

const ORIGINAL_SQL = [ORIGINAL_TABLES_SQL, ORIGINAL_FUNCTIONS_SQL, ORIGINAL_HELPERS_SQL, ORIGINAL_TENANTS_SQL].join(
  "\n",
);

/** Every stage is interrupted on the newest version. The older version takes the same path, so there it is every third stage. */
const STEP = { 15: 3, 18: 1 } as const;

/** Reads the data of the tenants and of the original Postgate as JSON. */
const EVERYTHING_SQL = `
select (select jsonb_agg(d order by d.id) from (select id, name, backend_type, schema_name, connection_string, max_rows, created_at from public.postgate_databases) d) as databases,
       (select jsonb_agg(t order by t.id) from (select id, database_id, name, token_hash, token_prefix, allowed_operations, created_at from public.postgate_tokens) t) as tokens,
       (select jsonb_agg(m) from public._sqlx_migrations m) as ledger,
       (select jsonb_agg(i) from ${ORIGINAL_TENANT.schema}.items i) as items,
       (select jsonb_agg(p) from ${OLD_STYLE_TENANT.schema}.posts p) as posts,
       (select jsonb_agg(h) from ${LONG_NAMED_TENANT.schema}.here h) as here`;

async function originalDatabase(version: ClusterVersion): Promise<TestDatabase> {
  const database = await createTestDatabase(version);
  await database.query(ORIGINAL_SQL);
  await database.query(
    `insert into _sqlx_migrations values (1, 'initial'); insert into ${OLD_STYLE_TENANT.schema}.posts values (1);
     insert into ${LONG_NAMED_TENANT.schema}.here values (2)`,
  );
  return database;
}

/** Migrates over a connection that is cut instead of the n-th commit. Returns the number of commits. */
async function migrateUntilCommit(database: TestDatabase, n = Infinity): Promise<number> {
  let commits = 0;
  const proxy = await startProxy(database.connection, {
    passesRequest: (chunk) => {
      if (isCommit(chunk)) commits += 1;
      if (commits === n) void proxy.close();
      return commits !== n;
    },
  });
  const migrated = migrate(proxy.connection);
  if (n < Infinity) await expect(migrated).rejects.toThrow();
  else await migrated.finally(() => proxy.close());
  return commits;
}

function isCommit(chunk: Buffer): boolean {
  return chunk.toString("latin1", 0, 1) === "Q" && chunk.toString("latin1", 5, 11) === "commit";
}

async function countStages(version: ClusterVersion): Promise<number> {
  const database = await originalDatabase(version);
  try {
    return await migrateUntilCommit(database);
  } finally {
    await closeWithRoles(database);
  }
}

describe.each(VERSIONS)("an adoption on PostgreSQL %i", (version) => {
  it(
    "loses no data when it is interrupted at any stage, and the next start serves the old tokens",
    { timeout: 180_000 },
    async () => {
      const stages = await countStages(version);
      expect(stages).toBeGreaterThan(10);
      for (let stage = 1; stage <= stages; stage += STEP[version]) await dieAndStartAgain(version, stage);
    },
  );
});

async function dieAndStartAgain(version: ClusterVersion, stage: number): Promise<void> {
  const database = await originalDatabase(version);
  const [before] = await database.query(EVERYTHING_SQL);
  await migrateUntilCommit(database, stage);
  const gateway = createGateway(testConfig(database));
  try {
    expect(await database.query(EVERYTHING_SQL), `after dying at stage ${stage}`).toEqual([before]);
    const { url } = await gateway.listen();
    const ask = (sql: string) => post(url, ORIGINAL_TENANT.token, { sql });
    expect((await ask("select id, tag, mood from items")).body, `stage ${stage}`).toMatchObject({
      rows: [{ id: 1, tag: "kept", mood: "ok" }],
    });
    expect(await ask("insert into items (tag) values ('new') returning id")).toMatchObject({
      status: 200,
      body: { rows: [{ id: 2 }] },
    });
  } finally {
    await gateway.close();
    await closeWithRoles(database);
  }
}
