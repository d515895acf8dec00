// PostgreSQL's own walls: the corpus's attacks with the judge switched off, which only a test can do. Each runs on the tenants'
// login as tenant A's roles, through the gateway's executor, and must neither show nor change what is not A's.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayError } from "../../src/errors.ts";
import { Executor } from "../../src/execution/execute.ts";
import { TenantRoleMissing } from "../../src/execution/execute-request.ts";
import { Pool } from "../../src/execution/pool.ts";
import { TypeCatalog } from "../../src/execution/type-catalog.ts";
import { type Installation, migrate } from "../../src/migration/migrate.ts";
import { lockDown, unlock } from "../../src/migration/lockdown.ts";
import type { Parameter } from "../../src/parameters.ts";
import type { ApprovedStatement } from "../../src/policy/approved-statement.ts";
import { DEFAULT_TRANSACTION } from "../../src/query-request.ts";
import { connect } from "../../src/postgres/connect.ts";
import { type TenantRoles, tenantRolesOf } from "../../src/tenants/role-names.ts";
import type { DatabaseId } from "../../src/tenants/tenant.ts";
import { type ClusterVersion, hasCluster } from "../support/cluster.ts";
import { type CorpusWorld, createCorpusWorld, type WorldCase } from "./corpus-world.ts";
import { readCorpus } from "./read-corpus.ts";

type Mode = "owner" | "read-write" | "read-only";

/** What no right of PostgreSQL stops: the judge alone does, and what is told is a name or a setting, and never a row. */
const STILL_POSSIBLE: Readonly<Record<string, RegExp>> = {
  "names of schemas, tables and roles by number": /reg(class|namespace|role|type|proc|procedure|oper|operator)\b/i,
  "settings, by SHOW": /^\s*show\b/i,
  "the login's name": /session_user|session_authorization|system_user/i,
};

/** They use up time and memory: other walls hold these. */
const WITHOUT_SECRETS = /^(resource_exhaustion|side_channel|parser_deep|deep|big)/;

function toParameter(value: unknown): Parameter {
  if (value === null) return { kind: "null" };
  if (typeof value === "string") return { kind: "string", text: value };
  const text = JSON.stringify(value);
  if (Array.isArray(value)) return { kind: "array", text };
  return { kind: typeof value === "object" ? "object" : typeof value === "boolean" ? "boolean" : "number", text };
}

/** What is not tenant A's: rows, objects and their rights, roles, settings, large objects. */
const OUTSIDE_SQL = `
with here as (select oid from pg_database where datname = current_database()),
mine as (select oid from pg_namespace where nspname = $1)
select md5(concat(
  test_state.of_relations('{r,m}', $2), test_state.of_relations('{S}', $2),
  (select string_agg(concat(oid, nspname, nspowner, nspacl), ',' order by oid) from pg_namespace where nspname !~ '^pg_(toast_)?temp'),
  (select string_agg(concat(oid, relname, relowner, relacl, relkind), ',' order by oid) from pg_class
    where relnamespace not in (select oid from mine) and relnamespace <> 'pg_toast'::regnamespace),
  (select string_agg(concat(oid, proname, proowner, proacl, prosecdef), ',' order by oid) from pg_proc
    where pronamespace not in (select oid from mine)),
  (select string_agg(concat(oid, typname, typowner), ',' order by oid) from pg_type
    where typnamespace not in (select oid from mine) and typnamespace <> 'pg_toast'::regnamespace),
  (select string_agg(concat(oid, lanname, lanacl), ',' order by oid) from pg_language),
  (select string_agg(concat(oid, datdba, datacl), ',') from pg_database where oid = (select oid from here)),
  (select string_agg(to_jsonb(r)::text, ',' order by oid) from pg_authid as r
    where rolname ~ ('_t?' || (select oid from here) || '(_|$)') and rolname !~ $3),
  (select string_agg(concat(roleid, member), ',' order by roleid, member) from pg_auth_members
    where member in (select oid from pg_authid where rolname ~ ('_t?' || (select oid from here) || '(_|$)'))),
  (select string_agg(concat(setrole, setconfig), ',' order by setrole) from pg_db_role_setting
    where setdatabase = (select oid from here)),
  (select count(*) from pg_largeobject_metadata), (select count(*) from pg_extension),
  (select count(*) from pg_event_trigger), (select count(*) from pg_publication), (select count(*) from pg_foreign_server)
)) as hash`;

describe.each<ClusterVersion>([18, 15])("walls inside PostgreSQL %i, with the judge off", (version) => {
  describe.skipIf(!hasCluster(version))("against tenant A", () => {
    let world: CorpusWorld;
    let installation: Installation;
    let pool: Pool;
    let executor: Executor;
    let schema: string;
    let roles: TenantRoles;
    let others: string[];
    let tenant: DatabaseId;
    let victim: string;
    const found = new Map<string, string[]>();

    beforeAll(async () => {
      world = await createCorpusWorld(version);
      const { database } = world.gateway;
      installation = await migrate(database.connection);
      pool = new Pool({ connection: installation.exec, maxConnections: 2 });
      executor = new Executor(pool, new TypeCatalog((sql, values) => database.query(sql, [...values])));
      const rows = await database.query(
        "select id, schema_name from postgate_databases where name in ('acme', 'globex') order by name",
      );
      [tenant, schema] = [rows[0].id as DatabaseId, String(rows[0].schema_name)];
      others = [String(rows[1].schema_name), "other", "public", "postgate_helpers", "postgate_private"];
      roles = tenantRolesOf(installation.roles.databaseOid, tenant);
      victim = tenantRolesOf(installation.roles.databaseOid, rows[1].id as DatabaseId).owner;
    });
    afterAll(async () => {
      console.info(`PostgreSQL ${version}, judge off: ${JSON.stringify(Object.fromEntries(found), null, 1)}`);
      await pool.close(1_000);
      await world.close();
    });

    async function run(sql: string, mode: Mode, params: readonly unknown[] = []): Promise<string> {
      const facts = { text: sql, operation: "SELECT", permissions: ["CREATE"], needsInsertOrUpdate: false, tables: [] };
      const statement = { ...facts, returnsRows: true, writes: true, parameterCount: params.length };
      try {
        const [result] = await executor.execute({
          statements: [{ statement: statement as unknown as ApprovedStatement, params: params.map(toParameter) }],
          isBatch: false,
          transaction: DEFAULT_TRANSACTION,
          session: {
            tenant,
            key: `${tenant} ${mode}`,
            role: mode === "owner" ? roles.owner : roles.readWrite,
            searchPath: `"${schema}", pg_temp`,
            readOnly: mode === "read-only",
          },
          limits: { timeoutMs: 500, maxRows: 1_000, maxBytes: 1 << 20 },
          accept: () => undefined,
          signal: new AbortController().signal,
        });
        return JSON.stringify({ rows: result?.rows, fields: result?.fields }, (_, value: unknown) =>
          Buffer.isBuffer(value) ? value.toString() : value,
        );
      } catch (error) {
        // An attack that kept another role: the session cannot be used again, and is thrown away.
        if (error instanceof TenantRoleMissing) return "";
        if (!(error instanceof GatewayError)) throw error;
        return JSON.stringify([error.message, error.code, error]);
      }
    }

    async function outside(): Promise<string> {
      const [row] = await world.gateway.database.query(OUTSIDE_SQL, [schema, others, `^${roles.owner}`]);
      return String(row.hash);
    }

    function leaksIn(text: string, row: WorldCase): string[] {
      return world.leaksIn({ status: 200, body: undefined, text, headers: new Headers() }, row);
    }

    const attacks = [...readCorpus("corpus"), ...readCorpus("own")].filter(
      ({ expect: expected, group, database }) =>
        expected === "deny" && !WITHOUT_SECRETS.test(group) && database !== "admin",
    );
    const groups = [...new Set(attacks.map(({ group }) => group))];

    it.each(
      groups.flatMap((group) => (["read-only", "read-write", "owner"] as const).map((mode) => ({ group, mode }))),
    )(
      "hold $group as $mode",
      async ({ group, mode }) => {
        const real = new Map(world.cases.map((row) => [row.id, row]));
        const before = await outside();
        for (const given of attacks.filter((row) => row.group === group)) {
          const row = real.get(given.id) ?? given;
          const text = await run(row.sql, mode, (row as WorldCase).params);
          const leaks = leaksIn(text, row);
          const reason = Object.keys(STILL_POSSIBLE).find((name) => STILL_POSSIBLE[name]?.test(row.sql));
          if (leaks.length > 0 && reason !== undefined) found.set(reason, [...(found.get(reason) ?? []), row.id]);
          else expect({ id: row.id, sql: row.sql, leaks }).toEqual({ id: row.id, sql: row.sql, leaks: [] });
          expect([row.id, row.sql, await outside()]).toEqual([row.id, row.sql, before]);
        }
      },
      120_000,
    );

    const READ_AS_OTHER = `select set_config('role', '$victim', true), query_to_xml('select * from "$other".secrets', true, true, '')`;

    it.each([
      READ_AS_OTHER,
      `select query_to_xml('select * from "$other".secrets', true, true, ''), set_config('role', '$victim', false)`,
      `select ('role'::text).set_config`,
      `do $$ begin set local role $victim; perform * from "$other".secrets; end $$`,
      `create function pg_temp.f() returns text language sql set role = '$victim' as 'select secret from "$other".secrets'`,
      `create view peek as select * from "$other".secrets`,
      `create table peek (like "$other".secrets)`,
      `create table peek () inherits ("$other".secrets)`,
      `select nextval('"$other".b_seq')`,
      `select has_table_privilege('"$other".secrets', 'select')`,
      `create rule peek as on select to users do instead select * from "$other".secrets`,
      `create table peek (id int references "$other".secrets)`,
      `grant $victim to current_user`,
      `alter schema "$other" rename to mine`,
      `alter table "$other".secrets owner to current_user`,
      `copy "$other".secrets to stdout`,
      `copy (select 1) to program 'id'`,
      `select lo_import('/etc/passwd')`,
      `select pg_advisory_lock(1)`,
      `select pg_notify('c', 'x')`,
      `create temp table users (id int)`,
      `select * from pg_stats where schemaname = '$other'`,
      `select * from pg_stat_activity`,
      `select prosrc from pg_proc`,
      `select postgate_helpers.tables_of_caller('$other')`,
      `select postgate_helpers.columns_of_caller('$other', 'secrets')`,
      `lock table "$other".secrets`,
      `analyze "$other".secrets`,
      `set session authorization postgres`,
      `alter role current_user superuser`,
      `alter system set log_statement = 'all'`,
      `create extension dblink`,
      `security label on table users is 'x'`,
    ])("refuse %s", async (attack) => {
      const sql = fill(attack);
      const before = await outside();
      for (const mode of ["owner", "read-write"] as const) {
        const text = await run(sql, mode);
        expect([mode, text]).toEqual([mode, expect.stringMatching(/DATABASE_ERROR/)]);
        expect(text).not.toMatch(/canary/i);
      }
      expect(await outside()).toBe(before);
    });

    it("leave names by number to the judge", async () => {
      const oid = "select oid::text from pg_class where relname = 'b_only_marker'";
      const [row] = await world.gateway.database.query(oid);
      expect(await run(`select ${row.oid}::oid::regclass`, "owner")).toContain("b_only_marker");
    });

    it("would not hold without the lock-down", async () => {
      const client = await connect(world.gateway.database.connection);
      try {
        await unlock(client, installation.roles);
        expect(await run(fill(READ_AS_OTHER), "owner")).toMatch(/canary_b_secret/i);
        await lockDown(client, installation.roles);
        expect(await run(fill(READ_AS_OTHER), "owner")).not.toMatch(/canary/i);
      } finally {
        await client.end();
      }
    });

    function fill(attack: string): string {
      return attack.replaceAll("$victim", victim).replaceAll("$other", String(others[0]));
    }
  });
});
