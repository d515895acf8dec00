// Opens the world of the corpus with the judge switched off, which only a test can do: statements run on the tenants' login as tenant A's
// roles, through the gateway's executor. This file runs the statements, finds out what changed outside A or was left for the next tenant
// on the connection, and makes A's schema again when an attack has changed it.

import { expect } from "vitest";
import { GatewayError } from "../../src/base/errors.ts";
import { Executor } from "../../src/execution/execute.ts";
import { type ExecuteRequest, TenantRoleMissing } from "../../src/execution/execute-request.ts";
import { Pool } from "../../src/execution/pool/pool.ts";
import { TypeCatalog } from "../../src/execution/results/type-catalog.ts";
import type { Parameter } from "../../src/base/parameters.ts";
import type { ApprovedStatement } from "../../src/policy/approved-statement.ts";
import { DEFAULT_TRANSACTION } from "../../src/base/query-request.ts";
import { type InstallationRoles, installationRolesOf, tenantRolesOf } from "../../src/tenants/role-names.ts";
import type { DatabaseId } from "../../src/tenants/tenant.ts";
import type { ClusterVersion } from "../support/cluster.ts";
import { textOfResult } from "../support/data-row.ts";
import { type CorpusWorld, createCorpusWorld, type Install, type WorldCase } from "./corpus-world.ts";
import type { CorpusCase } from "./read-corpus.ts";
import { differences, openStateOf } from "./walls-state.ts";

export type Mode = "owner" | "read-write" | "read-only";

/** The forbidden effects of one attack. */
export interface Breach {
  readonly leaks: readonly string[];
  /** The parts of the state outside tenant A that have changed. */
  readonly effects: readonly string[];
  /** The traces that the next tenant found on the connection. */
  readonly traces: readonly string[];
}

interface Attempt extends Breach {
  /** The answers to the statements, as text. */
  readonly texts: readonly string[];
}

type StatementToRun = ExecuteRequest["statements"][number];

type Attack = (statements: readonly string[], mode: Mode, row?: WorldCase) => Promise<Attempt>;

export interface WallsWorld {
  readonly corpus: CorpusWorld;
  readonly installation: InstallationRoles;
  readonly attacks: readonly WorldCase[];
  /** Fills in `$victim` and `$me` (roles), `$other` and `$own` (schemas), `$table` (OID of a victim's table), `$database` and `$exec`. */
  readonly fill: (sql: string) => string;
  /** Runs a statement in a mode of tenant A, or as the victim. Returns the answer as text, with `DATABASE_ERROR` if PostgreSQL refused. */
  readonly run: (sql: string, mode: Mode | "victim", params?: readonly unknown[]) => Promise<string>;
  /** Runs the statements one after the other, and compares everything with its state before. */
  readonly attack: Attack;
  /** Runs the statements as one batch, with a last statement that takes the victim's rows if it can, and compares in the same way. */
  readonly attackAsBatch: Attack;
  /** Restores tenant A's schema, so that no attack fails only because of an earlier one. */
  readonly repair: () => Promise<void>;
  close(): Promise<void>;
}

/** Groups and ids of rows that aim at time, memory or the parser. Other walls hold these. */
const WITHOUT_SECRETS = /^(?:resource_exhaustion|side_channel|deep)/;

export async function createWallsWorld(version: ClusterVersion, install: Install = "superuser"): Promise<WallsWorld> {
  const corpus = await createCorpusWorld(version, install);
  const { database, operator } = corpus.gateway;
  const installation = installationRolesOf(corpus.names.databaseOid);
  // There is one connection, so the next tenant finds what an attack left on it.
  const pool = new Pool({ connection: { ...operator, user: installation.exec }, maxConnections: 1 });
  const executor = new Executor(pool, new TypeCatalog((sql, values) => database.query(sql, [...values])));
  const { schemas, roles, ids, database: databaseName } = corpus.names;
  const others = [schemas.b, "other", "public", "postgate_helpers", "postgate_private"];
  const { databaseOid } = installation;
  const mine = tenantRolesOf(databaseOid, ids.a as DatabaseId);
  const victim = tenantRolesOf(databaseOid, ids.b as DatabaseId);
  const state = await openStateOf(database.connection, { schema: schemas.a, roles: `^${mine.owner}(_rw)?$`, others });
  const [table] = await database.query("select oid::text from pg_class where relname = 'b_only_marker'");

  const run = (sql: string, mode: Mode | "victim", params?: readonly unknown[]): Promise<string> =>
    runAll([toStatement(sql, params)], mode);

  async function runAll(statements: readonly StatementToRun[], mode: Mode | "victim"): Promise<string> {
    const isVictim = mode === "victim";
    const tenant = isVictim ? ids.b : ids.a;
    try {
      const results = await executor.execute({
        statements,
        isBatch: statements.length > 1,
        transaction: DEFAULT_TRANSACTION,
        session: {
          tenant,
          key: `${tenant} ${mode}`,
          role: isVictim ? victim.owner : mode === "owner" ? mine.owner : mine.readWrite,
          searchPath: `"${isVictim ? schemas.b : schemas.a}", pg_temp`,
          readOnly: mode === "read-only",
          hidesValues: false,
        },
        limits: { timeoutMs: 500, maxRows: 100_000, maxBytes: 1 << 25 },
        accept: () => undefined,
        signal: new AbortController().signal,
        requireRights: () => undefined,
      });
      const texts = results.map(textOfResult);
      return JSON.stringify(texts.length > 1 ? texts : (texts[0] ?? { rows: [] }));
    } catch (error) {
      // The attack kept another role, so the executor throws the session away.
      if (error instanceof TenantRoleMissing) return "";
      if (!(error instanceof GatewayError)) throw error;
      return JSON.stringify({ refused: error.message, code: error.code, error });
    }
  }

  const lookAround = async (): Promise<string[]> => {
    const answer = JSON.parse(await run("select trace from postgate_helpers.describe_table(0)", "victim")) as {
      readonly rows: string[][];
    };
    return answer.rows.map(([trace]) => trace ?? "");
  };
  /** Looks a second time if a channel is found, because UNLISTEN takes effect at the commit: the name may stay for one transaction. */
  async function tracesFoundByTheVictim(): Promise<string[]> {
    const first = await lookAround();
    const isListening = first.some((trace) => trace.startsWith("channel "));
    return isListening ? [...first.filter((trace) => !trace.startsWith("channel ")), ...(await lookAround())] : first;
  }

  const quiet = await tracesFoundByTheVictim();
  await state.remember();
  let before = await state.outside();
  let mayNeedRepair = false;
  let isSpoilt = false;

  async function attack(statements: readonly string[], mode: Mode, row?: WorldCase): Promise<Attempt> {
    const texts: string[] = [];
    for (const sql of statements) texts.push(await run(sql, mode, row?.params));
    return breachOf(texts, row ?? ({ sql: statements.join("\n") } as WorldCase));
  }

  async function attackAsBatch(statements: readonly string[], mode: Mode, row?: WorldCase): Promise<Attempt> {
    const secrets = `"${schemas.b}".secrets`;
    const theft = mode === "read-only" ? `select secret from ${secrets}` : `delete from ${secrets} returning secret`;
    const batch = [...statements.map((sql) => toStatement(sql, row?.params)), toStatement(theft)];
    const said = row ?? { sql: statements.join("\n") };
    return breachOf([await runAll(batch, mode)], { ...said, sql: `${said.sql}\n${theft}` } as WorldCase);
  }

  async function breachOf(texts: readonly string[], said: WorldCase): Promise<Attempt> {
    // A statement that PostgreSQL refused was rolled back, so it leaves no traces.
    const found = texts.at(-1)?.startsWith('{"refused"') ? [] : await tracesFoundByTheVictim();
    const after = await state.outsideSince(before);
    const effects = differences(before, after);
    mayNeedRepair ||= after["next"] !== before["next"];
    isSpoilt ||= effects.length > 0;
    before = after;
    const answer = { status: 200, body: undefined, text: texts.join("\n"), headers: new Headers() };
    return {
      texts,
      leaks: corpus.leaksIn(answer, said),
      effects,
      traces: found.filter((trace) => !quiet.includes(trace)),
    };
  }

  async function undoInA(): Promise<void> {
    await state.dropAdditions();
    if (await state.isWhole()) return;
    await corpus.rebuildA();
    await state.remember();
  }

  async function repair(): Promise<void> {
    if (!mayNeedRepair) return;
    mayNeedRepair = false;
    if (isSpoilt) await state.dropStrays(mine.owner);
    if (!(await state.isWhole())) await undoInA();
    before = isSpoilt ? await state.outside() : await state.mark(before);
    isSpoilt = false;
  }

  const names: Readonly<Record<string, string>> = {
    $victim: victim.owner,
    $other: schemas.b,
    $own: schemas.a,
    $me: mine.owner,
    $database: databaseName,
    $table: String(table.oid),
    $exec: installation.exec,
  };
  expect(roles.b).toBe(victim.owner);
  return {
    corpus,
    installation,
    attacks: [...corpus.cases, ...corpus.own]
      .map((row) => aim(row, databaseOid, Number(table.oid)))
      .filter(isAimedAtWalls),
    fill: (sql) => sql.replaceAll(/\$[a-z]+/g, (name) => names[name] ?? name),
    run,
    attack,
    attackAsBatch,
    repair,
    close: async () => {
      await pool.close(1_000);
      await state.close();
      await corpus.close();
    },
  };
}

/** Tells whether PostgreSQL too must refuse a row, or keep its effect within the tenant. */
export function isAimedAtWalls({ id, expect: expected, group, database }: CorpusCase): boolean {
  return expected === "deny" && ![id, group].some((name) => WITHOUT_SECRETS.test(name)) && database !== "admin";
}

/**
 * Makes a row hit its target. The rows were written for the judge, which refuses a text whatever it would find. Here the row names the
 * schema of metadata and functions, and uses the OIDs of this database, with the victim's table among them.
 */
function aim(row: WorldCase, databaseOid: number, tableOid: number): WorldCase {
  const [from, to] = row.sql.includes("LIMIT 200") ? [tableOid - 60, tableOid + 60] : [databaseOid, tableOid + 60];
  const sql = row.sql
    .replaceAll(/(?<![.\w"'])(?=(postgate_(tokens|databases)|(create|delete)_tenant_\w+)\b)/g, "public.")
    .replaceAll(/generate_series\(16384, ?\d+\)/g, `generate_series(${from}, ${to})`)
    .replaceAll(/\b(16390|16400|16500)\b/g, String(tableOid));
  return { ...row, sql };
}

/** Returns a statement in the form that the judge would give it if it approved everything. */
function toStatement(text: string, params: readonly unknown[] = []): StatementToRun {
  const facts = { text, operation: "SELECT", permissions: ["CREATE"], needsInsertOrUpdate: false, tables: [] };
  const statement = { ...facts, returnsRows: true, writes: true, parameterCount: params.length };
  return { statement: statement as unknown as ApprovedStatement, params: params.map(toParameter) };
}

function toParameter(value: unknown): Parameter {
  if (value === null) return { kind: "null" };
  if (typeof value === "string") return { kind: "string", text: value };
  const text = JSON.stringify(value);
  if (Array.isArray(value)) return { kind: "array", text };
  return { kind: typeof value === "object" ? "object" : typeof value === "boolean" ? "boolean" : "number", text };
}
