import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError, loadConfig, type Config, type Environment } from "../../../src/config/load-config.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "config-"));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const load = (environment: Environment = {}): Config => loadConfig(environment, { cwd });

function faultsOf(environment: Environment): readonly string[] {
  try {
    load(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

const PARTS = { POSTGRES_HOST: "db", POSTGRES_USER: "app", POSTGRES_PASSWORD: "secret", POSTGRES_DB: "shop" };

const ORIGINS = "origins as browsers send them, such as https://app.example, separated by commas, or * for all";

describe("loadConfig", () => {
  it("has a default for everything, and an embedded database", () => {
    expect(load()).toEqual({
      database: { kind: "embedded", dataDir: join(cwd, ".postgate") },
      tenantConnection: undefined,
      host: "127.0.0.1",
      port: 3_000,
      maxBodyBytes: 10_485_760,
      maxSqlBytes: 262_144,
      maxResultBytes: 33_554_432,
      queryTimeoutMs: 30_000,
      shutdownTimeoutMs: 10_000,
      opsPort: undefined,
      poolSize: 20,
      workers: 1,
      preparedStatements: true,
      logLevel: "info",
      logSql: "off",
      skipMigrations: false,
      extensions: [],
      neon: false,
      corsOrigins: [],
      dedicatedHosts: ["default"],
      sealingKeys: { current: undefined, old: undefined },
      warnings: [],
    });
  });

  it.each([
    { set: { POSTGATE_HOST: "0.0.0.0" }, gives: { host: "0.0.0.0" } },
    { set: { POSTGATE_PORT: " 8080 " }, gives: { port: 8080 } },
    { set: { POSTGATE_PORT: "" }, gives: { port: 3000 } },
    { set: { MAX_BODY_SIZE_MB: "1" }, gives: { maxBodyBytes: 1_048_576 } },
    { set: { POSTGATE_MAX_SQL_KB: "64" }, gives: { maxSqlBytes: 65_536 } },
    { set: { POSTGATE_MAX_RESULT_MB: "2" }, gives: { maxResultBytes: 2_097_152 } },
    { set: { POSTGATE_QUERY_TIMEOUT_MS: "250" }, gives: { queryTimeoutMs: 250 } },
    { set: { POSTGATE_POOL_SIZE: "3" }, gives: { poolSize: 3 } },
    { set: { POSTGATE_LOG_LEVEL: "Debug" }, gives: { logLevel: "debug" } },
    { set: { POSTGATE_SKIP_MIGRATIONS: "yes" }, gives: { skipMigrations: true } },
    { set: { POSTGATE_SKIP_MIGRATIONS: "0" }, gives: { skipMigrations: false } },
    { set: { POSTGATE_EXTENSIONS: "pg_trgm, vector,pg_trgm" }, gives: { extensions: ["pg_trgm", "vector"] } },
    { set: { POSTGATE_CORS_ORIGINS: "*" }, gives: { corsOrigins: ["*"] } },
    {
      set: {
        POSTGATE_CORS_ORIGINS: "https://app.example, http://[::1]:8080,capacitor://localhost,https://app.example",
      },
      gives: { corsOrigins: ["https://app.example", "http://[::1]:8080", "capacitor://localhost"] },
    },
  ])("reads $set", ({ set, gives }) => {
    expect(load(set)).toMatchObject(gives);
  });

  it.each([
    { name: "POSTGATE_PORT", value: "abc", form: "a whole number from 0 to 65535" },
    { name: "POSTGATE_PORT", value: "65536", form: "a whole number from 0 to 65535" },
    { name: "POSTGATE_PORT", value: "-1", form: "a whole number from 0 to 65535" },
    { name: "POSTGATE_PORT", value: "3e3", form: "a whole number from 0 to 65535" },
    { name: "MAX_BODY_SIZE_MB", value: "0", form: "a whole number from 1 to 256" },
    { name: "MAX_BODY_SIZE_MB", value: "1.5", form: "a whole number from 1 to 256" },
    { name: "POSTGATE_QUERY_TIMEOUT_MS", value: "0", form: "a whole number from 1 to 3600000" },
    { name: "POSTGATE_POOL_SIZE", value: "0", form: "a whole number from 1 to 1000" },
    { name: "POSTGATE_LOG_LEVEL", value: "loud", form: "one of fatal, error, warn, info, debug, trace, silent" },
    { name: "POSTGATE_SKIP_MIGRATIONS", value: "maybe", form: "on, off, true, false, yes, no, 1 or 0" },
    { name: "POSTGATE_EXTENSIONS", value: 'vector,"x"', form: "names of extensions, separated by commas" },
    ...[
      "app.example",
      "https://app.example/",
      "https://App.example",
      "https://app.example:443",
      "https://*.app.example",
      "https://user@app.example",
      "file://",
      "null",
      "https://app.example,",
    ].map((value) => ({ name: "POSTGATE_CORS_ORIGINS", value, form: ORIGINS })),
  ])("refuses $name=$value with the accepted form", ({ name, value, form }) => {
    expect(faultsOf({ [name]: value })).toEqual([`${name}=${JSON.stringify(value)}: must be ${form}`]);
  });

  it("reports all bad settings at once, on one line", () => {
    const environment = { POSTGATE_PORT: "x", POSTGATE_POOL_SIZE: "y", POSTGATE_EMBEDDED: "off" };

    expect(() => load(environment)).toThrow(/^bad configuration: [^\n]*POSTGATE_EMBEDDED[^\n]*$/);
    expect(faultsOf(environment)).toHaveLength(3);
  });

  it("reads the keys that connection strings are sealed with", () => {
    const [current, old] = ["0".repeat(64), Buffer.alloc(32, 1).toString("base64")];
    const { sealingKeys } = load({ POSTGATE_SEALING_KEY: current, POSTGATE_SEALING_KEY_OLD: old });

    expect(sealingKeys.current?.export()).toEqual(Buffer.alloc(32));
    expect(sealingKeys.old?.export()).toEqual(Buffer.alloc(32, 1));
  });

  it("refuses what is no key without showing it, and an old one alone", () => {
    const form = "must be 32 random bytes in base64 or as 64 hex digits (openssl rand -base64 32)";

    expect(faultsOf({ POSTGATE_SEALING_KEY: "hunter2", POSTGATE_SEALING_KEY_OLD: "hunter3" })).toEqual([
      `POSTGATE_SEALING_KEY: ${form}`,
      `POSTGATE_SEALING_KEY_OLD: ${form}`,
    ]);
    expect(faultsOf({ POSTGATE_SEALING_KEY_OLD: "0".repeat(64) })).toEqual([
      "POSTGATE_SEALING_KEY_OLD: only opens what was sealed before; set POSTGATE_SEALING_KEY too",
    ]);
  });

  it("is frozen", () => {
    expect(() => Object.assign(load(), { port: 1 })).toThrow(TypeError);
    expect(() => Object.assign(load().database, { kind: "external" })).toThrow(TypeError);
  });

  it("lets the caller override what was read", () => {
    expect(loadConfig({}, { cwd, overrides: { skipMigrations: true } }).skipMigrations).toBe(true);
  });

  it("warns of a POSTGATE_ name that it does not know", () => {
    expect(load({ POSTGATE_PROT: "1", POSTGATE_PORT: "1" }).warnings).toEqual([
      "POSTGATE_PROT is not a setting of Postgate, and is ignored",
    ]);
  });
});

describe("the database of loadConfig", () => {
  it("is DATABASE_URL's", () => {
    expect(load({ DATABASE_URL: "postgres://app:secret@db/shop" }).database).toMatchObject({
      kind: "external",
      connection: { host: "db", user: "app", password: "secret", database: "shop" },
    });
  });

  it("is made of the POSTGRES_ parts, with port 5432 by default", () => {
    expect(load(PARTS).database).toEqual({
      kind: "external",
      connection: {
        host: "db",
        port: 5_432,
        user: "app",
        password: "secret",
        database: "shop",
        sslMode: "prefer",
        sslRootCert: undefined,
      },
    });
    expect(load({ ...PARTS, POSTGRES_PORT: "5433" }).database).toMatchObject({ connection: { port: 5_433 } });
  });

  it("is DATABASE_URL's where the parts are there, too", () => {
    expect(load({ ...PARTS, DATABASE_URL: "postgres://app@other/shop" }).database).toMatchObject({
      connection: { host: "other" },
    });
  });

  it.each([
    { set: { POSTGRES_HOST: "db" }, missing: "POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB" },
    { set: { POSTGRES_PORT: "5433" }, missing: "POSTGRES_HOST, POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB" },
    { set: { ...PARTS, POSTGRES_PASSWORD: undefined }, missing: "POSTGRES_PASSWORD" },
    { set: { ...PARTS, POSTGRES_HOST: "" }, missing: "POSTGRES_HOST" },
  ])("names the parts that are missing beside $set", ({ set, missing }) => {
    expect(faultsOf(set)).toEqual([
      `${missing}: must be set, as other POSTGRES_… variables are (or set DATABASE_URL instead)`,
    ]);
  });

  it("takes an empty password for none", () => {
    expect(load({ ...PARTS, POSTGRES_PASSWORD: "" }).database).toMatchObject({ connection: { password: undefined } });
  });

  it("must be named when the embedded one is off", () => {
    expect(faultsOf({ POSTGATE_EMBEDDED: "off" })).toEqual([
      "DATABASE_URL: must be set (or POSTGRES_HOST, …), because POSTGATE_EMBEDDED is off",
    ]);
  });

  it("is not the embedded one by an empty DATABASE_URL", () => {
    expect(faultsOf({ DATABASE_URL: "" })).toEqual([expect.stringMatching(/^DATABASE_URL: is empty/)]);
  });

  it.each(["DATABASE_URL", "POSTGATE_TENANT_DATABASE_URL"])("does not show a bad %s", (name) => {
    const faults = faultsOf({ DATABASE_URL: "postgres://db", [name]: "postgres://app:hunter2@db:x/shop" });

    expect(faults).toEqual([`${name}: the port must be a number from 1 to 65535`]);
  });

  it("has a login for tenants only beside a database of one's own", () => {
    const login = { POSTGATE_TENANT_DATABASE_URL: "postgres://tenants@db/shop" };

    expect(load({ ...login, DATABASE_URL: "postgres://app@db/shop" }).tenantConnection).toMatchObject({
      user: "tenants",
    });
    expect(faultsOf(login)).toEqual([expect.stringMatching(/^POSTGATE_TENANT_DATABASE_URL: /)]);
  });

  it("does not come from PG variables", () => {
    expect(load({ PGHOST: "elsewhere", PGUSER: "x" }).database.kind).toBe("embedded");
  });

  it("keeps an embedded one in POSTGATE_DATA_DIR, from the working directory", () => {
    expect(load({ POSTGATE_DATA_DIR: "state" }).database).toEqual({ kind: "embedded", dataDir: join(cwd, "state") });
    expect(load({ POSTGATE_DATA_DIR: "/var/lib/x" }).database).toEqual({ kind: "embedded", dataDir: "/var/lib/x" });
  });
});

describe("the .env file of loadConfig", () => {
  const write = (content: string | Uint8Array): void => writeFileSync(join(cwd, ".env"), content);

  it("completes the environment, which wins", () => {
    write("POSTGATE_PORT=8080\nPOSTGATE_HOST=0.0.0.0\n");

    expect(load({ POSTGATE_PORT: "9090" })).toMatchObject({ port: 9_090, host: "0.0.0.0" });
  });

  it.each([
    'POSTGATE_PORT="8080"',
    "POSTGATE_PORT='8080' # why",
    "# a comment\n\n  export POSTGATE_PORT = 8080\r\n",
    'OTHER="two\nlines"\nPOSTGATE_PORT=8080',
    "EMPTY=\nPOSTGATE_PORT=8080",
    "\uFEFFPOSTGATE_PORT=8080",
  ])("reads %j", (content) => {
    write(content);

    expect(load().port).toBe(8_080);
  });

  it.each([
    { content: "POSTGATE_PORT=1\nPOSTGATE_HOST: hunter2\n", says: ".env, line 2: must be NAME=value" },
    { content: "hunter2", says: ".env, line 1: must be NAME=value" },
    { content: 'A="b\nc"\nPASSWORD="hunter2', says: ".env, line 3: must be NAME=value" },
    { content: Buffer.from([0xff, 0xfe, 0x41, 0]), says: ".env cannot be read: it is not UTF-8 text" },
  ])("refuses a broken one: $says", ({ content, says }) => {
    write(content);

    expect(() => load()).toThrow(new Error(says));
  });

  it("refuses one that cannot be read", () => {
    mkdirSync(join(cwd, ".env"));

    expect(() => load()).toThrow(/^\.env cannot be read: EISDIR/);
  });
});
