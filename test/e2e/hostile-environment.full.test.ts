import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projectRoot } from "../support/cli.ts";

/** Every value is wrong, so that a test which reads one of them fails. */
const HOSTILE = {
  DATABASE_URL: "postgres://nobody:nothing@127.0.0.1:1/nowhere?sslmode=verify-full",
  POSTGRES_HOST: "127.0.0.1",
  POSTGRES_PORT: "1",
  POSTGRES_DB: "nowhere",
  POSTGATE_PORT: "none",
  POSTGATE_POOL_SIZE: "none",
  POSTGATE_EMBEDDED: "off",
  POSTGATE_DATA_DIR: "/dev/null/nowhere",
  POSTGATE_SKIP_MIGRATIONS: "true",
  POSTGATE_TENANT_DATABASE_URL: "nonsense",
  MAX_BODY_SIZE_MB: "none",
  PGHOST: "127.0.0.1",
  PGPORT: "1",
  PGUSER: "nobody",
  PGPASSWORD: "nothing",
  PGDATABASE: "nowhere",
  PGDATA: "/dev/null/nowhere",
  PGOPTIONS: "-c no_such_setting=1",
  PGSSLMODE: "verify-full",
  PGSERVICE: "nowhere",
  PGCLIENTENCODING: "LATIN1",
  PGTZ: "Nowhere/Nowhere",
  PGAPPNAME: "hostile",
};

it(
  "the tests pass although the environment has wrong settings of databases and of the gateway",
  { timeout: 180_000 },
  () => {
    const vitest = join(projectRoot, "node_modules/vitest/vitest.mjs");
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [vitest, "run", "test/contract/2-tokens.test.ts", "test/integration/embedded/test-cluster.test.ts"],
      { cwd: projectRoot, env: { ...process.env, ...HOSTILE }, encoding: "utf8" },
    );

    expect([status, stdout + stderr]).toEqual([0, expect.stringMatching(/2 passed/)]);
  },
);
