// Section 7 of the public contract: the library and the client. Some tests import them by the names of their packages.

import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { PostgateAdminClient, PostgateClient, PostgateError, sql } from "../../src/client/index.ts";
import {
  createGateway,
  GatewayError,
  loadConfig,
  migrate,
  type Observation,
  parseAndApprove,
} from "../../src/index.ts";
import { makeFolder } from "../integration/embedded/data-dirs.ts";
import { useBuiltCli, projectRoot } from "../support/cli.ts";
import { createTestDatabase } from "../support/cluster.ts";
import { post, startTestGateway, testConfig, type TestGateway, type TestTenant } from "../support/gateway.ts";

async function failureOf<T extends Error>(type: new (...args: never[]) => T, work: Promise<unknown>): Promise<T> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof type) return error;
  throw new Error(`expected a ${type.name}`, { cause: error });
}

describe("importing the built package", () => {
  useBuiltCli();

  /** Returns the modules that Node loads for a script, from a loader's hook, and the number of handles that it opens. */
  function loadedBy(script: string): { readonly modules: string[]; readonly handles: string[] } {
    const hook = `
      import { appendFileSync } from "node:fs";
      export async function load(url, context, next) { appendFileSync(3, url + "\\n"); return next(url, context); }`;
    const program = `
      import { register } from "node:module";
      register("data:text/javascript," + encodeURIComponent(${JSON.stringify(hook)}));
      await import("data:text/javascript," + encodeURIComponent(${JSON.stringify("0")}));
      const handles = process.getActiveResourcesInfo().length;
      ${script}
      console.log(process.getActiveResourcesInfo().length - handles);`;
    const { status, stdout, stderr, output } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      cwd: projectRoot,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    expect([status, stderr]).toEqual([0, ""]);
    const modules = (output[3] ?? "").split("\n").filter((url) => url.startsWith("file:"));
    return { modules, handles: stdout.trim() === "0" ? [] : [stdout.trim()] };
  }

  const isThirdParty = (url: string): boolean => url.includes("/node_modules/");

  it.each(["postgate", "postgate/client"])(
    "%s opens no handles and loads neither the server nor the driver nor the parser",
    (name) => {
      const { modules, handles } = loadedBy(`await import(${JSON.stringify(name)});`);

      expect(handles).toEqual([]);
      expect(modules).toContainEqual(expect.stringMatching(/\/dist\/(client\/)?index\.js$/));
      expect(modules.filter(isThirdParty)).toEqual([]);
      expect(modules.filter((url) => /\/dist\/(gateway|http|execution|sql|policy|embedded)\b/.test(url))).toEqual([]);
    },
  );

  it("postgate loads the parser when it judges a statement, but neither the server nor the driver", () => {
    const { modules } = loadedBy(`
      const { parseAndApprove } = await import("postgate");
      await parseAndApprove("select 1", ["SELECT"]);`);
    const packages = new Set(modules.filter(isThirdParty).map((url) => /node_modules\/([^/]+)/.exec(url)?.[1]));

    expect([...packages]).toContain("libpg-query");
    for (const heavy of ["fastify", "pg", "pino"]) expect([...packages]).not.toContain(heavy);
  });
});

describe("parseAndApprove", () => {
  it.each([
    [
      "SELECT * FROM b JOIN a USING (id)",
      { operation: "SELECT", permissions: ["SELECT"], tables: ["a", "b"], returnsRows: true },
    ],
    ["INSERT INTO a VALUES (1)", { operation: "INSERT", permissions: ["INSERT"], tables: ["a"], returnsRows: false }],
    [
      "INSERT INTO a VALUES (1) RETURNING id",
      { operation: "INSERT", permissions: ["SELECT", "INSERT"], tables: ["a"], returnsRows: true },
    ],
    [
      "WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x",
      { operation: "SELECT", permissions: ["SELECT", "DELETE"], tables: ["a"], returnsRows: true },
    ],
    ["DROP TABLE a", { permissions: ["DROP"], tables: ["a"], returnsRows: false }],
  ])("returns the operation, the permissions, the tables and returnsRows of %s", async (sql, facts) => {
    const approved = await parseAndApprove(sql, ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP"]);
    expect(approved).toMatchObject(facts);
    expect(Object.keys(approved).sort()).toEqual(["operation", "permissions", "returnsRows", "tables"]);
  });

  it.each([
    ["DELETE FROM a", "OPERATION_NOT_ALLOWED", "Operation DELETE is not allowed"],
    ["SELECT 1; SELECT 2", "MULTIPLE_STATEMENTS", "Multiple statements not allowed"],
    ["SELECT * FROM public.users", "QUALIFIED_NAME", "Qualified table names are not allowed: 'public.users'"],
    ["COPY a TO STDOUT", "STATEMENT_NOT_SUPPORTED", "Unsupported statement type: COPY"],
  ])("rejects with a GatewayError for %s", async (sql, reason, message) => {
    const error = await failureOf(GatewayError, parseAndApprove(sql, ["SELECT"]));
    expect(error).toMatchObject({ code: "PARSE_ERROR", status: 400, message, details: { reason } });
  });
});

describe("createGateway, loadConfig and migrate", { timeout: 120_000 }, () => {
  it("start a gateway on an external database, and close it without leaving connections", async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.close());
    const { host, port, database: name } = database.connection;
    const config = loadConfig(
      { DATABASE_URL: `postgres://postgres@/${name}?host=${host}&port=${port}`, POSTGATE_PORT: "0" },
      { cwd: await makeFolder() },
    );

    expect(await migrate(config)).toEqual(expect.arrayContaining(["0001_metadata"]));
    expect(await migrate(config)).toEqual([]);
    const observations: Observation[] = [];
    const gateway = createGateway(config, (observation) => observations.push(observation));
    const { url } = await gateway.listen();
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "ok" });
    await gateway.close();

    expect(observations).toEqual([{ kind: "listening", url }]);
    await expect(fetch(`${url}/health`)).rejects.toThrow();
    await expect
      .poll(() =>
        database.query(
          "select usename from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
        ),
      )
      .toEqual([]);
  });

  it("start a gateway on an embedded database, and close it", async () => {
    const cwd = await makeFolder();
    const config = loadConfig({ POSTGATE_PORT: "0", POSTGATE_LOG_LEVEL: "silent" }, { cwd });
    expect(config.database).toEqual({ kind: "embedded", dataDir: join(cwd, ".postgate") });

    for (let times = 0; times < 2; times += 1) {
      const gateway = createGateway(config);
      const { url } = await gateway.listen();
      const { status } = await post(url, `pg_${"0".repeat(64)}`, { sql: "select 1" });
      expect(status).toBe(401); // The token was looked up in the database.
      await gateway.close();
    }
    await rm(join(cwd, ".postgate"), { recursive: true }); // No process uses the folder any more.
  });

  it("break off the start of a gateway that is closed meanwhile", async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.close());
    const gateway = createGateway(testConfig(database));
    const started = gateway.listen();
    await gateway.close();

    await expect(started).rejects.toThrow();
  });

  it("can close a gateway that was never started", async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.close());
    await expect(createGateway(testConfig(database)).close()).resolves.toBeUndefined();
  });
});

describe("the client", () => {
  let gateway: TestGateway;
  let tenant: TestTenant;
  let client: PostgateClient;
  let admin: PostgateAdminClient;

  beforeAll(async () => {
    gateway = await startTestGateway();
    tenant = await gateway.createTenant({ maxRows: 3 });
    await tenant.rows("create table users (id int primary key, name text not null)");
    client = new PostgateClient(gateway.url, tenant.token);
    admin = new PostgateAdminClient(gateway.url, gateway.admin.token);
  });
  afterAll(() => gateway.close());

  it("query<Row>(sql, params?) resolves to rows and row_count", async () => {
    expect(await client.query("insert into users values ($1, $2)", [1, "Alice"])).toEqual({ rows: [], row_count: 1 });
    const answer = await client.query<{ id: number; name: string }>("select * from users where id = $1", [1]);
    expect(answer).toEqual({ rows: [{ id: 1, name: "Alice" }], row_count: 1 });
    expect(answer.rows[0]?.name.toUpperCase()).toBe("ALICE");
    expect(await client.query("select 1 as one")).toEqual({ rows: [{ one: 1 }], row_count: 1 });
  });

  it.each([
    [`select $a::int as a, '$b' as b, $b::text as c, $a - 1 as d`, { a: 1, b: "x" }, { a: 1, b: "$b", c: "x", d: 0 }],
    [
      "select $$ $a $$ as a, e'\\'$a' as b, /* $a /* $a */ */ $a::int as c -- $a",
      { a: 2 },
      { a: " $a ", b: "'$a", c: 2 },
    ],
  ])("query accepts named parameters in %s", async (text, params, row) => {
    expect((await client.query(text, params)).rows).toEqual([row]);
  });

  it("query and batch accept statements of the tag sql, whose values never become SQL", async () => {
    const hostile = "'; drop table notes; --";
    const lower = sql`lower(${"ABC"}::text)`;
    expect((await client.query(sql`select ${hostile}::text as a, ${lower} as b`)).rows).toEqual([
      { a: hostile, b: "abc" },
    ]);
    const results = await client.batch([
      sql`select ${1}::int as one`,
      { sql: "select $n::int as n", params: { n: 2 } },
    ]);
    expect(results.map(({ rows }) => rows)).toEqual([[{ one: 1 }], [{ n: 2 }]]);
  });

  it("a signal that aborts cancels the statement in PostgreSQL", async () => {
    const running =
      "select count(*) from pg_stat_activity where state = 'active' and query like '%1e9%' and pid <> pg_backend_pid()";
    const query = client.query("select count(*) from generate_series(1, 1e9)", null, {
      signal: AbortSignal.timeout(300),
    });
    await expect(query).rejects.toMatchObject({ name: "TimeoutError" });
    await expect.poll(() => gateway.database.query(running), { timeout: 5_000 }).toEqual([{ count: "0" }]);
  });

  it("PostgateError carries the message, the code, the status and the extra keys", async () => {
    expect(await failureOf(PostgateError, client.query("insert into users values (1, 'Bob')"))).toMatchObject({
      message: 'duplicate key value violates unique constraint "users_pkey"',
      code: "DATABASE_ERROR",
      status: 500,
      sqlstate: "23505",
      constraint: "users_pkey",
      table: "users",
    });
    expect(await failureOf(PostgateError, client.query("select * from generate_series(1, 4)"))).toMatchObject({
      message: "Row limit exceeded (max: 3)",
      code: "ROW_LIMIT_EXCEEDED",
      status: 400,
      max_rows: 3,
    });
    expect(await failureOf(PostgateError, client.query("copy users to stdout"))).toMatchObject({
      code: "PARSE_ERROR",
      reason: "STATEMENT_NOT_SUPPORTED",
      status: 400,
    });
    const stranger = new PostgateClient(gateway.url, `pg_${"0".repeat(64)}`);
    expect(await failureOf(PostgateError, stranger.query("select 1"))).toMatchObject({
      code: "UNAUTHORIZED",
      status: 401,
    });
  });

  it("PostgateAdminClient is a PostgateClient, too, and can run queries", async () => {
    expect(admin).toBeInstanceOf(PostgateClient);
    expect(await admin.query("select name from postgate_databases where schema_name = 'public'")).toEqual({
      rows: [{ name: "postgate_admin" }],
      row_count: 1,
    });
  });

  it("PostgateAdminClient creates and deletes databases and tokens, with defaults", async () => {
    const { rows: databases, row_count: count } = await admin.createDatabase("shop");
    const { id, schema_name: schema } = databases[0] ?? { id: "", schema_name: "" };
    expect([count, schema]).toEqual([1, expect.stringMatching(/^tenant_[0-9a-f]{32}_shop$/)]);
    const { rows: tokens } = await admin.createToken(id);
    const [token] = tokens;
    expect(token).toEqual({
      id: expect.any(String) as string,
      token: expect.stringMatching(/^pg_[0-9a-f]{64}$/) as string,
    });
    await expect(
      gateway.database.query(
        "select d.max_rows, t.name, t.allowed_operations from postgate_databases d join postgate_tokens t on t.database_id = d.id where d.id = $1",
        [id],
      ),
    ).resolves.toEqual([
      { max_rows: 1000, name: "default", allowed_operations: ["SELECT", "INSERT", "UPDATE", "DELETE"] },
    ]);
    expect(await new PostgateClient(gateway.url, token?.token ?? "").query("select 1 as one")).toMatchObject({
      row_count: 1,
    });

    expect(await admin.deleteToken(token?.id ?? "")).toEqual({ rows: [{ delete_tenant_token: true }], row_count: 1 });
    expect(await admin.deleteToken(token?.id ?? "")).toEqual({ rows: [{ delete_tenant_token: false }], row_count: 1 });
    expect(await admin.deleteDatabase(id)).toEqual({ rows: [{ delete_tenant_database: true }], row_count: 1 });
    expect(await admin.deleteDatabase(id)).toEqual({ rows: [{ delete_tenant_database: false }], row_count: 1 });
  });

  it("createDatabase accepts a row limit, and createToken a name and permissions", async () => {
    const [made] = (await admin.createDatabase("limited", 1)).rows;
    const [token] = (await admin.createToken(made?.id ?? "", "ddl", ["SELECT", "CREATE"])).rows;
    const limited = new PostgateClient(gateway.url, token?.token ?? "");

    expect(await limited.query("create table t (id int)")).toEqual({ rows: [], row_count: 0 });
    expect(await failureOf(PostgateError, limited.query("values (1), (2)"))).toMatchObject({ max_rows: 1 });
    expect(await failureOf(PostgateError, limited.query("insert into t values (1)"))).toMatchObject({
      message: "Operation INSERT is not allowed",
      reason: "OPERATION_NOT_ALLOWED",
    });
  });
});
