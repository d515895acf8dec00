// Builds the world that the corpus attacks: tenant A sends the cases, tenant B is the victim, and everything that is not A's holds
// canaries. This file also puts the world's real names into the cases, and finds out what a case changed, leaked or left behind.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import pg from "pg";
import { expect } from "vitest";
import { PERMISSIONS, type Permission } from "../../src/base/permissions.ts";
import { installationRolesOf, tenantRolesOf } from "../../src/tenants/role-names.ts";
import type { DatabaseId, SchemaName } from "../../src/tenants/tenant.ts";
import { connect } from "../../src/postgres/connect.ts";
import { provisionTenant } from "../../src/tenants/provision-tenant.ts";
import type { ClusterVersion, TestDatabase } from "../support/cluster.ts";
import { type Answer, startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";
import { type CorpusCase, readCorpus } from "./read-corpus.ts";

/** This time is long enough for every honest case. */
const QUERY_TIMEOUT_MS = 1_000;

export interface WorldCase extends CorpusCase {
  readonly params?: readonly unknown[];
}

/** The login that DATABASE_URL names: a superuser, or a login with CREATEROLE that owns the database, as on managed servers. */
export type Install = "superuser" | "createrole";

/** Hashes of everything that a refused statement could have changed. */
export interface DatabaseState {
  readonly rows: string;
  readonly catalogs: string;
  readonly cluster: string;
  /** Sequences are never rolled back, so they are compared only for statements that were not run. */
  readonly sequences: string;
  /** Number of the next transaction. If it is still the same, nothing but sequences can have changed. */
  readonly nextTransaction: string;
}

export interface CorpusWorld {
  readonly gateway: TestGateway;
  readonly names: Names;
  /** The cases of the given corpus in file order, with the names of this world. */
  readonly cases: readonly WorldCase[];
  /** The cases of our own corpus in file order, with the names of this world. */
  readonly own: readonly WorldCase[];
  send(row: WorldCase): Promise<Answer>;
  /** Returns the secrets and the names of others in an answer that the request did not contain itself. */
  leaksIn(answer: Answer, row: WorldCase): string[];
  /** Reads the state. It is quicker if the last state is given and no transaction has written since. */
  state(known?: DatabaseState): Promise<DatabaseState>;
  /** Returns settings, cursors, locks and more of the connection that ran the case, read without the judge. */
  tracesOf(row: WorldCase): Promise<string>;
  /** Resolves when no statement of a tenant runs any more. */
  untilQuiet(): Promise<void>;
  /** Makes tenant A's schema again as it was at first. */
  rebuildA(): Promise<void>;
  close(): Promise<void>;
}

interface Names {
  readonly database: string;
  readonly databaseOid: number;
  readonly exec: string;
  readonly schemas: { readonly a: string; readonly b: string };
  readonly roles: { readonly a: string; readonly b: string };
  readonly ids: { readonly a: string; readonly b: string };
  /** Names of the roles, databases and tablespaces that the cases try to make outside the database. */
  readonly clusterWide: readonly string[];
}

const CLUSTER_WIDE_NAME = /\b(?:role|user|group|database|tablespace)\s+(?:if\s+(?:not\s+)?exists\s+)?"?(\w+)/gi;
const BYSTANDERS = ["other", "public", "postgate_helpers", "postgate_private"];

export async function createCorpusWorld(version: ClusterVersion, install: Install = "superuser"): Promise<CorpusWorld> {
  const operator = `operator_${randomBytes(6).toString("hex")}`;
  const gateway = await startTestGateway({
    version,
    // There is one connection, so what a case leaves on it is still there for the next case.
    config: { queryTimeoutMs: QUERY_TIMEOUT_MS, poolSize: 1 },
    ...(install === "createrole" && { operator, prepare: (database) => handOver(database, operator) }),
  });
  try {
    const a = await gateway.createTenant({ name: "acme" });
    const b = await gateway.createTenant({ name: "globex" });
    // The gateway makes a tenant's roles at its first statement.
    for (const tenant of [a, b]) await tenant.rows("select 1");
    const names = await namesOf(gateway, a, b);
    await runAs(gateway, names.roles.a, names.schemas.a, "fixture_tenant_a.sql");
    await runAs(gateway, names.roles.b, names.schemas.b, "fixture_tenant_b.sql");
    await gateway.database.query(fixture("database-state.sql"));
    await plantCanaries(gateway, names);
    return await toWorld(gateway, a, names);
  } catch (error) {
    await gateway.close();
    throw error;
  }
}

async function handOver(database: TestDatabase, operator: string): Promise<void> {
  await database.query(`create role ${operator} login createrole`);
  await database.query(`alter database ${database.connection.database} owner to ${operator}`);
}

function fixture(name: string): string {
  return readFileSync(new URL(`corpus/${name}`, import.meta.url), "utf8");
}

async function namesOf({ database }: TestGateway, a: TestTenant, b: TestTenant): Promise<Names> {
  const rows = await database.query("select id, schema_name from postgate_databases");
  const schemas = new Map(rows.map(({ id, schema_name }: { id: string; schema_name: string }) => [id, schema_name]));
  const [row] = await database.query("select oid::int, datname from pg_database where datname = current_database()");
  const { oid, datname } = row as { oid: number; datname: string };
  return {
    database: datname,
    databaseOid: oid,
    exec: installationRolesOf(oid).exec,
    schemas: { a: schemas.get(a.id) ?? "", b: schemas.get(b.id) ?? "" },
    roles: { a: tenantRolesOf(oid, a.id as DatabaseId).owner, b: tenantRolesOf(oid, b.id as DatabaseId).owner },
    ids: { a: a.id, b: b.id },
    clusterWide: readCorpus("corpus").flatMap(({ sql }) =>
      [...sql.matchAll(CLUSTER_WIDE_NAME)].map(([, name]) => name ?? "").filter((name) => name !== "pgfix"),
    ),
  };
}

async function runAs({ database }: TestGateway, role: string, schema: string, file: string): Promise<void> {
  const client = new pg.Client({ ...database.connection, password: "" });
  await client.connect();
  try {
    await client.query(`set role "${role}"; set search_path = "${schema}"`);
    await client.query(fixture(file));
  } finally {
    await client.end();
  }
}

async function plantCanaries({ database }: TestGateway, names: Names): Promise<void> {
  await database.query(`insert into postgate_databases (name, backend_type, connection_string)
    values ('CANARY_META_NAME', 'dedicated', 'postgres://CANARY_META_USER:CANARY_META_PASSWORD@127.0.0.1:1/x')`);
  await database.query(`insert into postgate_tokens (database_id, name, token_hash, token_prefix)
    select id, 'CANARY_META_TOKEN', 'CANARY_META_HASH', 'CANARY_P' from postgate_databases where name = 'CANARY_META_NAME'`);
  await database.query(`alter database ${names.database} set app.operator_secret = 'CANARY_DB_SETTING'`);
}

async function toWorld(gateway: TestGateway, a: TestTenant, names: Names): Promise<CorpusWorld> {
  const [cases, own] = (["corpus", "own"] as const).map((name) =>
    readCorpus(name).map((row) => withRealNames(row, names)),
  ) as [WorldCase[], WorldCase[]];
  const tenants = new Map<string, TestTenant>();
  for (const { permissions } of [{ permissions: PERMISSIONS }, ...cases])
    if (!tenants.has(permissions.join())) tenants.set(permissions.join(), await a.withPermissions(...permissions));
  const probes = {
    owner: await a.withPermissions(...PERMISSIONS),
    readWrite: await a.withPermissions("SELECT", "INSERT", "UPDATE", "DELETE"),
    readOnly: await a.withPermissions("SELECT"),
  };
  const find = (permissions: readonly Permission[]): TestTenant => tenants.get(permissions.join()) ?? a;
  return {
    gateway,
    names,
    cases,
    own,
    send: ({ permissions, sql, params }) => find(permissions).query(sql, params),
    leaksIn: (answer, row) => leaksIn(answer, row, names),
    state: (known) => readState(gateway, names, known),
    async tracesOf({ permissions }) {
      const isOwner = permissions.some((permission) => ["CREATE", "ALTER", "DROP"].includes(permission));
      const probe = isOwner ? probes.owner : permissions.join() === "SELECT" ? probes.readOnly : probes.readWrite;
      return (await probe.query("select * from postgate_helpers.describe_table(0)")).text;
    },
    untilQuiet: () => untilQuiet(gateway, names),
    rebuildA: () => rebuildA(gateway, names),
    close: () => gateway.close(),
  };
}

async function rebuildA(gateway: TestGateway, { databaseOid, schemas, roles, ids }: Names): Promise<void> {
  const installation = installationRolesOf(databaseOid);
  const operator = await connect(gateway.operator);
  try {
    await gateway.database.query(`drop schema if exists "${schemas.a}" cascade`);
    await gateway.database.query(`create schema "${schemas.a}" authorization ${installation.owner}`);
    await provisionTenant(operator, installation, { id: ids.a as DatabaseId, schema: schemas.a as SchemaName });
  } finally {
    await operator.end();
  }
  await runAs(gateway, roles.a, schemas.a, "fixture_tenant_a.sql");
}

function withRealNames(row: WorldCase, { database, exec, schemas, roles, ids }: Names): WorldCase {
  const replacements: readonly (readonly [string, string])[] = [
    ["tenant_aaaa1111_acme", schemas.a],
    ["tenant_bbbb2222_globex", schemas.b],
    ["tenant\\005fbbbb2222\\005fglobex", schemas.b],
    ["tr_aaaa1111", roles.a],
    ["tr_bbbb2222", roles.b],
    ["postgate_exec", exec],
    ["pgfix", database],
    ["aaaa1111-0000-4000-8000-000000000001", ids.a],
    ["bbbb2222-0000-4000-8000-000000000002", ids.b],
  ];
  const replace = (text: string): string =>
    replacements.reduce((replaced, [name, real]) => replaced.replaceAll(name, real), text);
  const params = row.params && (JSON.parse(replace(JSON.stringify(row.params))) as unknown[]);
  return { ...row, sql: replace(row.sql), ...(params && { params }) };
}

function leaksIn(answer: Answer, { sql, params = [] }: WorldCase, { schemas, roles, ids }: Names): string[] {
  const said = `${sql}\n${JSON.stringify(params)}`.toLowerCase();
  const told = `${answer.text}\n${JSON.stringify([...answer.headers])}`.toLowerCase();
  const canaries = told.match(/canary_[a-z0-9_]+/g) ?? [];
  const foreign = [schemas.b, roles.b, ids.b, ids.b.replaceAll("-", ""), "postgate_exec", "postgate_auth", "root:x:"];
  return [...canaries, ...foreign.filter((name) => told.includes(name))].filter((text) => !said.includes(text));
}

async function readState({ database }: TestGateway, names: Names, known?: DatabaseState): Promise<DatabaseState> {
  const schemas = [names.schemas.a, names.schemas.b, ...BYSTANDERS];
  const [quick] = await database.query(
    `select test_state.of_relations('{S}', $1) as sequences,
      pg_snapshot_xmax(pg_current_snapshot())::text as "nextTransaction"`,
    [schemas],
  );
  const changing = quick as Pick<DatabaseState, "sequences" | "nextTransaction">;
  if (known?.nextTransaction === changing.nextTransaction) return { ...known, ...changing };
  const [rest] = await database.query(
    `select test_state.of_relations('{r,m}', $1) as rows, test_state.of_catalogs() as catalogs,
      test_state.of_cluster($2) as cluster`,
    [schemas, names.clusterWide],
  );
  return { ...(rest as Pick<DatabaseState, "rows" | "catalogs" | "cluster">), ...changing };
}

async function untilQuiet({ database }: TestGateway, { exec }: Names): Promise<void> {
  const find = "select 1 from pg_stat_activity where usename = $1 and datname = current_database() and state <> 'idle'";
  await expect.poll(() => database.query(find, [exec]), { timeout: 60_000, interval: 100 }).toEqual([]);
}
