import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrate } from "../../../src/migration/migrate.ts";
import { createTestDatabase } from "../../support/cluster.ts";
import { closeWithRoles, migrated, type Migrated, queryAs, type TestTenant, VERSIONS } from "./support.ts";

const ADMIN_ID = "00000000-0000-0000-0000-000000000000";
const NOBODY = "11111111-1111-1111-1111-111111111111";

describe.each(VERSIONS)("on PostgreSQL %i", (version) => {
  let gateway: Migrated;

  beforeAll(async () => {
    gateway = await migrated(await createTestDatabase(version));
  });
  afterAll(() => closeWithRoles(gateway.database));

  describe("create_tenant_database", () => {
    it.each([
      ["Shop", /^tenant_[0-9a-f]{32}_shop$/],
      ["Ünïted-Kingdom 7", /^tenant_[0-9a-f]{32}__n_ted_kingdom_7$/],
      ["a".repeat(100), /^tenant_[0-9a-f]{32}_a{23}$/],
      [`"; drop schema public; --`, /^tenant_[0-9a-f]{32}____drop_schema_public__$/],
    ])("makes a row and a schema for %s", async (name, schema) => {
      const [row] = await gateway.runAsAdmin("select * from create_tenant_database(p_name => $1, p_max_rows => 7)", [
        name,
      ]);

      expect(Object.keys(row)).toEqual(["id", "schema_name"]);
      expect(row.schema_name).toMatch(schema);
      expect(row.schema_name).toContain(row.id.replaceAll("-", ""));
      expect(
        await gateway.database.query("select name, backend_type, max_rows from postgate_databases where id = $1", [
          row.id,
        ]),
      ).toEqual([{ name, backend_type: "schema", max_rows: 7 }]);
      expect(
        await gateway.database.query("select nspowner::regrole::text as owner from pg_namespace where nspname = $1", [
          row.schema_name,
        ]),
      ).toEqual([{ owner: gateway.installation.roles.owner }]);
    });

    it("limits answers to 1000 rows by default", async () => {
      const [{ id }] = await gateway.runAsAdmin("select id from create_tenant_database('d')");
      expect(await gateway.runAsAdmin("select max_rows from postgate_databases where id = $1", [id])).toEqual([
        { max_rows: 1000 },
      ]);
    });

    it.each([
      ["null", "22023"],
      ["'  '", "22023"],
      ["'x', -1", "22023"],
      ["repeat('x', 101)", "22001"],
    ])("refuses the arguments (%s) with SQLSTATE %s", async (values, code) => {
      await expect(gateway.runAsAdmin(`select create_tenant_database(${values})`)).rejects.toMatchObject({ code });
    });
  });

  describe("delete_tenant_database", () => {
    it("removes the row, the tokens, and the schema with all its objects", async () => {
      const tenant = await gateway.createTenant();
      await tenant.run(
        "create table a (id serial primary key); create view b as select * from a; create type c as enum ('x')",
      );
      await gateway.runAsAdmin("select create_tenant_token($1)", [tenant.id]);

      expect(await gateway.runAsAdmin("select delete_tenant_database(p_database_id => $1)", [tenant.id])).toEqual([
        { delete_tenant_database: true },
      ]);
      expect(await gateway.database.query("select from pg_namespace where nspname = $1", [tenant.schema])).toEqual([]);
      expect(await gateway.runAsAdmin("select from postgate_tokens where database_id = $1", [tenant.id])).toEqual([]);
      expect(await gateway.runAsAdmin("select delete_tenant_database($1) as gone", [tenant.id])).toEqual([
        { gone: false },
      ]);
    });

    it("refuses a schema that Postgate does not own with a hint, and removes it after migrate", async () => {
      const id = "dddddddd-0000-4000-8000-000000000006";
      await gateway.database.query(`create schema tenant_unused; create table tenant_unused.things (id serial)`);
      await gateway.database.query(
        "insert into postgate_databases (id, name, schema_name) values ($1, 'unused', 'tenant_unused')",
        [id],
      );
      const gone = "select public.delete_tenant_database($1) as gone";

      await expect(gateway.database.query(gone, [id])).rejects.toMatchObject({
        code: "42501",
        message: 'Schema "tenant_unused" still belongs to "postgres": Postgate cannot drop it',
        hint: expect.stringContaining("postgate migrate") as string,
      });
      expect(await gateway.database.query("select from postgate_databases where id = $1", [id])).toHaveLength(1);

      await migrate(gateway.database.connection);
      expect(await gateway.database.query(gone, [id])).toEqual([{ gone: true }]);
      expect(await gateway.database.query("select from pg_namespace where nspname = 'tenant_unused'")).toEqual([]);
    });

    it("refuses the admin database", async () => {
      await expect(gateway.runAsAdmin("select delete_tenant_database($1)", [ADMIN_ID])).rejects.toThrow(
        "The admin database cannot be deleted",
      );
    });

    it("removes only the row of a dedicated database", async () => {
      const [{ id }] = await gateway.runAsAdmin(
        "insert into postgate_databases (name, backend_type, connection_string) values ('d', 'dedicated', 'postgres://x/y') returning id",
      );
      expect(await gateway.runAsAdmin("select delete_tenant_database($1) as gone", [id])).toEqual([{ gone: true }]);
    });

    it.each(["postgate_private", "postgate_helpers", "pg_catalog", "information_schema"])(
      "does not drop the schema %s that a row names",
      async (schema) => {
        const [{ id }] = await gateway.runAsAdmin(
          "insert into postgate_databases (name, schema_name) values ('claim', $1) returning id",
          [schema],
        );
        expect(await gateway.runAsAdmin("select delete_tenant_database($1) as gone", [id])).toEqual([{ gone: true }]);
        expect(await gateway.database.query("select from pg_namespace where nspname = $1", [schema])).toHaveLength(1);
      },
    );
  });

  describe("create_tenant_token", () => {
    it("returns a token and stores its hash, its prefix and the default permissions", async () => {
      const { id } = await gateway.createTenant();
      const [made] = await gateway.runAsAdmin("select * from create_tenant_token($1)", [id]);

      expect(Object.keys(made)).toEqual(["id", "token"]);
      expect(made.token).toMatch(/^pg_[0-9a-f]{64}$/);
      const [stored] = await gateway.runAsAdmin("select * from postgate_tokens where id = $1", [made.id]);
      expect(stored).toMatchObject({
        database_id: id,
        name: "default",
        token_hash: createHash("sha256").update(made.token).digest("hex"),
        token_prefix: made.token.slice(0, 8),
        allowed_operations: ["SELECT", "INSERT", "UPDATE", "DELETE"],
        last_used_at: null,
        expires_at: null,
      });
    });

    it("never returns the same token twice", async () => {
      const { id } = await gateway.createTenant();
      const rows = await gateway.runAsAdmin(
        "select (create_tenant_token($1, n::text)).token from generate_series(1, 50) n",
        [id],
      );
      expect(new Set(rows.map(({ token }) => token)).size).toBe(50);
    });

    it("takes named arguments and an empty set of permissions", async () => {
      const { id } = await gateway.createTenant();
      const sql = "select id from create_tenant_token(p_database_id => $1, p_permissions => $2, p_name => 'n')";
      const [made] = await gateway.runAsAdmin(sql, [id, []]);
      expect(
        await gateway.runAsAdmin("select allowed_operations from postgate_tokens where id = $1", [made.id]),
      ).toEqual([{ allowed_operations: [] }]);
    });

    it.each([
      ["an unknown permission", "select create_tenant_token($1, 'x', '{SELECT,GRANT}')", "Unknown permission: GRANT"],
      ["a permission in lower case", "select create_tenant_token($1, 'x', '{select}')", "Unknown permission: select"],
      ["a null permission", "select create_tenant_token($1, 'x', '{NULL}')", "Unknown permission: null"],
      ["no permissions at all", "select create_tenant_token($1, 'x', null)", "The permissions must not be null"],
      [
        "an unknown database",
        `select create_tenant_token('${NOBODY}', $1::uuid::text)`,
        `Database ${NOBODY} does not exist`,
      ],
      ["a name in use", "select create_tenant_token($1), create_tenant_token($1)", "duplicate key value"],
      ["an end at once", "select create_tenant_token($1, p_expires_in => '0')", "must not expire before it is made"],
      ["an end in the past", "select create_tenant_token($1, p_expires_in => '-1 s')", "must not expire before"],
    ])("refuses %s", async (_, sql, message) => {
      const { id } = await gateway.createTenant();
      await expect(gateway.runAsAdmin(sql, [id])).rejects.toThrow(message);
    });

    it("sets the time when the token expires, and has only one signature, so that no call is ambiguous", async () => {
      const { id } = await gateway.createTenant();
      const [made] = await gateway.runAsAdmin(
        "select id from create_tenant_token($1, p_name => 'ci', p_expires_in => '30 days')",
        [id],
      );
      expect(
        await gateway.runAsAdmin(
          "select expires_at - created_at = '30 days' as is_month from postgate_tokens where id = $1",
          [made.id],
        ),
      ).toEqual([{ is_month: true }]);
      expect(
        await gateway.database.query(
          "select count(*)::int as count from pg_proc where proname = 'create_tenant_token'",
        ),
      ).toEqual([{ count: 1 }]);
    });
  });

  describe("rotate_tenant_token", () => {
    const shown = "select id from postgate_tokens where database_id = $1";

    it("changes only the secret, and deletes the old secret at once if there is no overlap", async () => {
      const { id } = await gateway.createTenant();
      const [made] = await gateway.runAsAdmin("select * from create_tenant_token($1, 'ci', '{SELECT}')", [id]);
      const [rotated] = await gateway.runAsAdmin("select * from rotate_tenant_token(p_token_id => $1)", [made.id]);

      expect(rotated).toEqual({ id: made.id, token: expect.stringMatching(/^pg_[0-9a-f]{64}$/) as string });
      expect(rotated.token).not.toBe(made.token);
      expect(await gateway.runAsAdmin("select * from postgate_tokens where database_id = $1", [id])).toMatchObject([
        {
          id: made.id,
          name: "ci",
          token_hash: createHash("sha256").update(rotated.token).digest("hex"),
          token_prefix: rotated.token.slice(0, 8),
          allowed_operations: ["SELECT"],
          last_used_at: null,
          expires_at: null,
          successor_id: null,
        },
      ]);
    });

    it("keeps the old secret for the overlap but not past its own expiry, and deletes it with the token", async () => {
      const { id } = await gateway.createTenant();
      const name = "n".repeat(100);
      const [made] = await gateway.runAsAdmin("select * from create_tenant_token($1, $2, p_expires_in => '10 days')", [
        id,
        name,
      ]);
      const [second] = await gateway.runAsAdmin("select * from rotate_tenant_token($1, '1 hour')", [made.id]);
      const [third] = await gateway.runAsAdmin("select * from rotate_tenant_token($1, '1 year')", [made.id]);

      const rows = await gateway.database.query(
        `select token_hash, expires_at - now() between '59 min' and '1 hour' as for_an_hour,
           expires_at - now() between '9 days 23:59' and '10 days' as for_ten_days
         from postgate_tokens where database_id = $1 order by successor_id nulls first, expires_at`,
        [id],
      );
      const hashOf = ({ token }: { token: string }): string => createHash("sha256").update(token).digest("hex");
      expect(rows).toEqual([
        { token_hash: hashOf(third), for_an_hour: false, for_ten_days: true },
        { token_hash: hashOf(made), for_an_hour: true, for_ten_days: false },
        { token_hash: hashOf(second), for_an_hour: false, for_ten_days: true },
      ]);
      expect(await gateway.runAsAdmin("select delete_tenant_token($1) as gone", [made.id])).toEqual([{ gone: true }]);
      expect(await gateway.runAsAdmin(shown, [id])).toEqual([]);
    });

    it("removes older secrets that have expired", async () => {
      const { id } = await gateway.createTenant();
      const [made] = await gateway.runAsAdmin("select * from create_tenant_token($1)", [id]);
      await gateway.runAsAdmin("select rotate_tenant_token($1, '1 hour')", [made.id]);
      await gateway.database.query("update postgate_tokens set expires_at = now() where successor_id = $1", [made.id]);
      await gateway.runAsAdmin("select rotate_tenant_token($1)", [made.id]);
      expect(await gateway.runAsAdmin(shown, [id])).toHaveLength(1);
    });

    it.each([
      ["an unknown token", `select rotate_tenant_token('${NOBODY}')`, `Token ${NOBODY} does not exist`],
      ["no overlap at all", "select rotate_tenant_token($1, null)", "The overlap must be an interval"],
      ["a negative overlap", "select rotate_tenant_token($1, '-1 s')", "The overlap must be an interval"],
      [
        "an older secret",
        "select rotate_tenant_token((select id from postgate_tokens where successor_id = $1))",
        "rotate that one",
      ],
    ])("refuses %s", async (_, sql, message) => {
      const { id } = await gateway.createTenant();
      const [made] = await gateway.runAsAdmin("select id from create_tenant_token($1)", [id]);
      await gateway.runAsAdmin("select rotate_tenant_token($1, '1 hour')", [made.id]);
      await expect(gateway.runAsAdmin(sql, sql.includes("$1") ? [made.id] : [])).rejects.toThrow(message);
    });
  });

  it("delete_tenant_token tells whether the token existed", async () => {
    const { id } = await gateway.createTenant();
    const [made] = await gateway.runAsAdmin("select id from create_tenant_token($1)", [id]);
    expect(await gateway.runAsAdmin("select delete_tenant_token(p_token_id => $1) as gone", [made.id])).toEqual([
      { gone: true },
    ]);
    expect(await gateway.runAsAdmin("select delete_tenant_token($1) as gone", [made.id])).toEqual([{ gone: false }]);
  });

  describe("the helpers", () => {
    let tenant: TestTenant;
    let other: TestTenant;

    beforeAll(async () => {
      tenant = await gateway.createTenant("helped");
      other = await gateway.createTenant("other");
      await other.run("create table secrets (id int)");
      await tenant.run(`
        create table zoo (n int);
        create table parts (id int) partition by range (id);
        create table "Odd ""name""" (n int);
        create domain amounts as numeric(8, 2)[] ;
        create domain label as text not null;
        create type mood as enum ('sad', 'ok');
        create table items (
          id serial, gone int, tag label, mood mood default 'ok', prices amounts, big bigint[],
          price numeric(10, 2) default 1.5, at timestamptz not null default now(), twice int generated always as (1 + 1) stored,
          primary key (id)
        );
        alter table items drop column gone;
        insert into items (tag) values ('a'), ('b');
        create view shown as select * from items`);
    });

    it.each(["owner", "readWrite"] as const)(
      "list the tables of the caller's schema by name, for the %s role",
      async (mode) => {
        expect(await tenant.run("select * from postgate_helpers.list_tables()", mode)).toEqual([
          { table_name: 'Odd "name"', row_count: "0" },
          { table_name: "items", row_count: "2" },
          { table_name: "parts", row_count: "0" },
          { table_name: "zoo", row_count: "0" },
        ]);
      },
    );

    it.each(["owner", "readWrite"] as const)(
      "describe a table as information_schema does, for the %s role",
      async (mode) => {
        const described = await tenant.run("select * from postgate_helpers.describe_table('items')", mode);
        expect(described).toEqual([
          {
            column_name: "id",
            data_type: "integer",
            is_nullable: false,
            column_default: "nextval('items_id_seq'::regclass)",
            is_primary_key: true,
          },
          { column_name: "tag", data_type: "text", is_nullable: false, column_default: null, is_primary_key: false },
          {
            column_name: "mood",
            data_type: "USER-DEFINED",
            is_nullable: true,
            column_default: "'ok'::mood",
            is_primary_key: false,
          },
          { column_name: "prices", data_type: "ARRAY", is_nullable: true, column_default: null, is_primary_key: false },
          { column_name: "big", data_type: "ARRAY", is_nullable: true, column_default: null, is_primary_key: false },
          {
            column_name: "price",
            data_type: "numeric",
            is_nullable: true,
            column_default: "1.5",
            is_primary_key: false,
          },
          {
            column_name: "at",
            data_type: "timestamp with time zone",
            is_nullable: false,
            column_default: "now()",
            is_primary_key: false,
          },
          {
            column_name: "twice",
            data_type: "integer",
            is_nullable: true,
            column_default: null,
            is_primary_key: false,
          },
        ]);
        await gateway.database.query(`set search_path = "${tenant.schema}"`);
        expect(described).toEqual(
          await gateway.database.query(`
          select column_name::text, data_type::text, is_nullable = 'YES' as is_nullable, column_default::text, column_name = 'id' as is_primary_key
          from information_schema.columns where table_schema = current_schema and table_name = 'items' order by ordinal_position`),
        );
        await gateway.database.query("reset search_path");
      },
    );

    it("return no row for a table that does not exist or belongs to another tenant", async () => {
      expect(await tenant.run("select * from postgate_helpers.describe_table('nothing')")).toEqual([]);
      expect(await tenant.run("select * from postgate_helpers.describe_table('secrets')")).toEqual([]);
    });

    it("list a thousand tables within a request's time limit", async () => {
      const many = await gateway.createTenant();
      const names = Array.from({ length: 1_000 }, (_, number) => `t${String(number).padStart(4, "0")}`);
      for (let from = 0; from < names.length; from += 100)
        await many.run(
          names
            .slice(from, from + 100)
            .map((name) => `create table ${name} as select 1 as id`)
            .join(";"),
        );
      // A request has 30 s.
      const rows = await many.run(
        "set statement_timeout = '30s'; select * from postgate_helpers.list_tables()",
        "readWrite",
      );
      expect(rows).toEqual(names.map((name) => ({ table_name: name, row_count: "1" })));
    }, 90_000);

    it("count rows with the rights of the caller, not of the helpers' owner", async () => {
      const careful = await gateway.createTenant();
      await careful.run("create table open_table (id int); create table hidden_table (id int)");
      await careful.run(`revoke all on hidden_table from ${careful.roles.readWrite}`);
      await expect(careful.run("select * from postgate_helpers.list_tables()", "readWrite")).rejects.toMatchObject({
        code: "42501",
      });
      expect(await careful.run("select * from postgate_helpers.list_tables()")).toHaveLength(2);
    });

    it.each(["list_tables()", "describe_table('postgate_tokens')"])(
      "refuse the call %s on the admin database",
      async (call) => {
        await expect(gateway.runAsAdmin(`select * from postgate_helpers.${call}`)).rejects.toThrow(
          "postgate_helpers is not available on the admin database",
        );
      },
    );

    it("show nothing of any schema but the caller's, whichever schema the caller names", async () => {
      await gateway.database.query("create schema operators; grant usage on schema operators to public");
      const schemas = [
        other.schema,
        "public",
        "postgate_private",
        "pg_catalog",
        "information_schema",
        "postgate_helpers",
        "operators",
      ];
      for (const schema of schemas)
        for (const call of [`tables_of_caller('${schema}')`, `columns_of_caller('${schema}', 'secrets')`])
          await expect(tenant.run(`select * from postgate_helpers.${call}`), call).rejects.toThrow(
            /not yours|not available/,
          );
    });

    it.each([
      `set search_path = "$other", pg_temp`,
      `set search_path = public, pg_temp`,
      `reset role; set search_path = "$other", pg_temp`,
      `reset role; set search_path = public`,
    ])("refuse to list or describe tables after %s", async (trick) => {
      const sql = trick.replace("$other", other.schema);
      // PostgreSQL does not take a schema that the caller may not use as the current schema.
      const refusal = /not yours|no schema to look into|permission denied to create temporary/;
      await expect(tenant.run(`${sql}; select * from postgate_helpers.list_tables()`)).rejects.toThrow(refusal);
      await expect(tenant.run(`${sql}; select * from postgate_helpers.describe_table('secrets')`)).rejects.toThrow(
        refusal,
      );
    });

    it("ignore operators, functions and types that the caller has defined", async () => {
      const shadowing = await gateway.createTenant("shadow");
      await gateway.database.query(`grant usage on language sql to ${shadowing.roles.owner}`);
      await shadowing.run(`
        create table t (id int default 1);
        create function yes(name, text) returns boolean language sql as 'select true';
        create function yes(oid, oid) returns boolean language sql as 'select true';
        create operator = (leftarg = name, rightarg = text, function = yes);
        create operator = (leftarg = oid, rightarg = oid, function = yes);`);
      const sql = `set search_path = "${shadowing.schema}", pg_catalog, pg_temp; select * from postgate_helpers.`;
      expect(await shadowing.run(`${sql}list_tables()`)).toEqual([{ table_name: "t", row_count: "0" }]);
      expect(await shadowing.run(`${sql}describe_table('t')`)).toHaveLength(1);
    });

    it.each(["own_schema('public')", "default_expression('public', 0, 0::smallint)"])(
      "let no tenant call the internal function %s",
      async (call) => {
        await expect(tenant.run(`select postgate_helpers.${call}`)).rejects.toMatchObject({ code: "42501" });
      },
    );
  });

  describe("the walls", () => {
    let alice: TestTenant;
    let bob: TestTenant;

    beforeAll(async () => {
      alice = await gateway.createTenant("alice");
      bob = await gateway.createTenant("bob");
      await bob.run("create table secrets (id serial); insert into secrets default values");
    });

    it.each([
      "select * from $bob.secrets",
      "insert into $bob.secrets default values",
      "create table $bob.mine (id int)",
      "drop schema $bob cascade",
      "drop schema $own cascade",
      "alter schema $own rename to mine",
      "select * from public.postgate_databases",
      "select * from public.postgate_tokens",
      "select * from postgate_private.logins",
      "select * from postgate_private.migrations",
      "select public.create_tenant_database('mine')",
      `select * from public.create_tenant_token('${ADMIN_ID}')`,
      `select public.delete_tenant_database('${NOBODY}')`,
      `select public.delete_tenant_token('${NOBODY}')`,
      "create table public.mine (id int)",
      "create schema mine",
    ])("keep a tenant from %s", async (sql) => {
      const text = sql.replace("$bob", `"${bob.schema}"`).replace("$own", `"${alice.schema}"`);
      for (const mode of ["owner", "readWrite"] as const)
        await expect(alice.run(text, mode), mode).rejects.toMatchObject({ code: "42501" });
      await expect(queryAs(gateway.installation.exec, text), "exec login").rejects.toMatchObject({ code: "42501" });
    });

    it("keep a tenant from granting its schema to others", async () => {
      await alice.run(`grant all on schema "${alice.schema}" to public`); // PostgreSQL warns and grants nothing.
      await expect(bob.run(`select * from "${alice.schema}".anything`)).rejects.toMatchObject({ code: "42501" });
    });

    it.each([
      "create table t (id int)",
      "alter table notes add x int",
      "drop table notes",
      "truncate notes",
      "create index on notes (id)",
    ])("keep a token without DDL from %s", async (sql) => {
      const tenant = await gateway.createTenant();
      await tenant.run("create table notes (id int)");
      await expect(tenant.run(sql, "readWrite")).rejects.toMatchObject({ code: "42501" });
    });

    it("let a token without DDL read and write rows of tables that were created later", async () => {
      const tenant = await gateway.createTenant();
      await tenant.run("create table notes (id serial primary key, body text)");
      await tenant.run(
        "insert into notes (body) values ('x'); update notes set body = 'y'; select setval('notes_id_seq', 9)",
        "readWrite",
      );
      expect(await tenant.run("select body from notes", "readWrite")).toEqual([{ body: "y" }]);
      await tenant.run("delete from notes", "readWrite");
    });

    it.each([
      "table public.postgate_databases",
      "table public.postgate_tokens",
      "table postgate_private.logins",
      "select public.create_tenant_database('x')",
      `select public.create_tenant_token('${ADMIN_ID}')`,
      `select public.delete_tenant_database('${NOBODY}')`,
      `select public.delete_tenant_token('${NOBODY}')`,
      "select * from postgate_helpers.tables_of_caller('public')",
    ])("keep any other login from %s", async (sql) => {
      const stranger = `stranger_${gateway.installation.roles.databaseOid}`;
      await gateway.database.query(
        `do $$ begin create role ${stranger} login; exception when duplicate_object then null; end $$`,
      );
      const settings = { ...gateway.database.connection, user: stranger };
      await expect(queryAs(settings, sql)).rejects.toMatchObject({ sqlstate: "42501" });
      // The login is refused in the same way when it may connect.
      await gateway.database.query(
        `do $$ begin execute format('grant connect on database %I to ${stranger}', current_database()); end $$`,
      );
      await expect(queryAs(settings, sql)).rejects.toMatchObject({ code: expect.stringMatching(/42501|0A000/) });
      await gateway.database.query(`drop owned by ${stranger}`);
    });

    it("let the login that looks tokens up read both tables and write last_used_at, and nothing else", async () => {
      const { auth } = gateway.installation;
      expect((await queryAs(auth, "select * from public.postgate_databases")).length).toBeGreaterThan(0);
      await queryAs(auth, "update public.postgate_tokens set last_used_at = now()");
      for (const sql of [
        "update public.postgate_tokens set token_hash = ''",
        "delete from public.postgate_tokens",
        "update public.postgate_databases set max_rows = 1",
        "select public.create_tenant_database('x')",
        "table postgate_private.logins",
        `table "${bob.schema}".secrets`,
      ])
        await expect(queryAs(auth, sql), sql).rejects.toMatchObject({ code: "42501" });
    });

    it.each([
      "table postgate_private.logins",
      "drop table postgate_tokens",
      "create table x (id int)",
      "create schema x",
    ])("keep the admin role from %s", async (sql) => {
      await expect(gateway.runAsAdmin(sql)).rejects.toMatchObject({ code: "42501" });
    });

    it("let the admin role read and write both metadata tables", async () => {
      await gateway.runAsAdmin("update postgate_databases set max_rows = 5 where id = $1", [bob.id]);
      await gateway.runAsAdmin("delete from postgate_tokens where database_id = $1", [bob.id]);
    });
  });
});
