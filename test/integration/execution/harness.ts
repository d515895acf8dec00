// One test database with the roles of two tenants, and an executor over a real pool whose login is no superuser.

import { randomBytes } from "node:crypto";
import { encodeAnswer } from "../../../src/encoding/encode-answer.ts";
import type { ConnectionSettings } from "../../../src/postgres/connection-settings.ts";
import { connect } from "../../../src/postgres/connect.ts";
import { Executor } from "../../../src/execution/execute.ts";
import type { ExecuteRequest, Limits } from "../../../src/execution/execute-request.ts";
import { Pool } from "../../../src/execution/pool/pool.ts";
import type { PoolOptions } from "../../../src/execution/pool/pool-options.ts";
import type { Session } from "../../../src/execution/session.ts";
import { TypeCatalog } from "../../../src/execution/results/type-catalog.ts";
import type { Parameter } from "../../../src/base/parameters.ts";
import type { Permission } from "../../../src/base/permissions.ts";
import type { ApprovedStatement, StatementFacts } from "../../../src/policy/approved-statement.ts";
import { judge } from "../../../src/policy/judge.ts";
import { TENANT_RULES } from "../../../src/policy/policy-rules.ts";
import { createParser } from "../../../src/sql/parse-statement.ts";
import { DEFAULT_TRANSACTION, type TransactionOptions } from "../../../src/base/query-request.ts";
import { type ClusterVersion, createTestDatabase, openToEverybody, type TestDatabase } from "../../support/cluster.ts";
import { type TextResult, textOfResult } from "../../support/data-row.ts";

const parser = createParser();

/** What only the parse tree tells; nothing of a text that the judge refuses. */
function judgedFacts(text: string): Pick<StatementFacts, "typeSources" | "readsClock" | "readsSequences"> {
  try {
    const { typeSources, readsClock, readsSequences } = judge(parser.parse(text), TENANT_RULES);
    return { typeSources, readsClock, readsSequences };
  } catch {
    return { typeSources: undefined, readsClock: false, readsSequences: false };
  }
}

/** A statement as the judge would hand it over; the facts can be set to what the judge would refuse. */
export function approved(text: string, facts: Partial<StatementFacts> = {}): ApprovedStatement {
  const verb = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? "";
  const isDdl = ["CREATE", "ALTER", "DROP"].includes(verb);
  const returnsRows = ["SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN"].includes(verb) || /\breturning\b/i.test(text);
  return {
    text,
    operation: verb,
    permissions: isDdl ? [verb as Permission] : [],
    tables: [],
    returnsRows,
    writes: !["SELECT", "VALUES", "TABLE", "EXPLAIN"].includes(verb),
    replacesView: false,
    callsHelpers: text.includes("postgate_helpers."),
    ...judgedFacts(text),
    parameterCount: Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number))),
    ...facts,
  } as ApprovedStatement;
}

/** A JSON value as the body's parser would hand it over. */
function parameter(value: unknown): Parameter {
  if (value === null) return { kind: "null" };
  if (typeof value === "string") return { kind: "string", text: value };
  if (typeof value === "boolean") return { kind: "boolean", text: String(value) };
  if (typeof value === "number") return { kind: Number.isInteger(value) ? "integer" : "number", text: String(value) };
  if (Array.isArray(value)) return { kind: "array", text: JSON.stringify(value) };
  return { kind: "object", text: JSON.stringify(value) };
}

const DEFAULT_ANSWER = { isBatch: false, statements: [] };
const DEFAULT_LIMITS: Limits = { timeoutMs: 10_000, maxRows: 1_000, maxBytes: 10_000_000 };

export interface RunOptions {
  readonly session?: Session;
  readonly limits?: Partial<Limits>;
  readonly signal?: AbortSignal;
  readonly facts?: Partial<StatementFacts>;
}

export type TestStatement = readonly [sql: string, params?: readonly unknown[], facts?: Partial<StatementFacts>];

export interface BatchOptions extends Omit<RunOptions, "facts"> {
  readonly transaction?: Partial<TransactionOptions>;
}

export interface Harness {
  readonly database: TestDatabase;
  readonly login: ConnectionSettings;
  readonly pool: Pool;
  readonly alice: Session;
  readonly bob: Session;
  /** Runs as Alice where nothing else is said. */
  readonly run: (sql: string, params?: readonly unknown[], options?: RunOptions) => Promise<TextResult>;
  /** Runs all of them together. */
  readonly runBatch: (statements: readonly TestStatement[], options?: BatchOptions) => Promise<readonly TextResult[]>;
  readonly close: () => Promise<void>;
}

export interface HarnessOptions extends Partial<PoolOptions> {
  /** Puts something between the pool and PostgreSQL. */
  readonly through?: (login: ConnectionSettings) => Promise<ConnectionSettings>;
}

export async function startHarness(version: ClusterVersion, options: HarnessOptions = {}): Promise<Harness> {
  await parser.ready();
  const database = await createTestDatabase(version);
  await openToEverybody(database);
  const id = randomBytes(4).toString("hex");
  const roles = { login: `exec_${id}`, alice: `alice_${id}`, bob: `bob_${id}` };
  await database.query(`
    create role ${roles.login} login noinherit;
    create role ${roles.alice} nologin; create role ${roles.bob} nologin;
    grant ${roles.alice}, ${roles.bob} to ${roles.login};
    create schema alice; create schema bob;
    grant usage, create on schema alice to ${roles.alice};
    grant usage, create on schema bob to ${roles.bob};`);
  const login = { ...database.connection, user: roles.login };
  const { through, ...poolOptions } = options;
  const connection = through === undefined ? login : await through(login);
  const pool = new Pool({ connection, maxConnections: 1, ...poolOptions });
  const executor = new Executor(pool, new TypeCatalog((sql, values) => database.query(sql, [...values])));
  const sessionOf = (tenant: "alice" | "bob"): Session => ({
    tenant,
    key: tenant,
    role: roles[tenant],
    searchPath: `${tenant}, pg_temp`,
    readOnly: false,
    hidesValues: false,
  });
  const alice = sessionOf("alice");
  return {
    database,
    login,
    pool,
    alice,
    bob: sessionOf("bob"),
    run: async (sql, params = [], { session = alice, limits = {}, signal, facts } = {}) => {
      const request: ExecuteRequest = {
        statements: [{ statement: approved(sql, facts), params: params.map(parameter) }],
        isBatch: false,
        transaction: DEFAULT_TRANSACTION,
        session,
        limits: { ...DEFAULT_LIMITS, ...limits },
        accept: (results) => void encodeAnswer(results, DEFAULT_ANSWER, limits.maxBytes ?? DEFAULT_LIMITS.maxBytes),
        signal: signal ?? new AbortController().signal,
        requireRights: () => undefined,
      };
      const [result] = await executor.execute(request);
      if (result === undefined) throw new Error("No result");
      return textOfResult(result);
    },
    runBatch: async (statements, { session = alice, limits = {}, signal, transaction = {} } = {}) => {
      const results = await executor.execute({
        statements: statements.map(([sql, params = [], facts]) => ({
          statement: approved(sql, facts),
          params: params.map(parameter),
        })),
        isBatch: true,
        transaction: { ...DEFAULT_TRANSACTION, ...transaction },
        session,
        limits: { ...DEFAULT_LIMITS, ...limits },
        accept: (results) => {
          encodeAnswer(results, { ...DEFAULT_ANSWER, isBatch: true }, limits.maxBytes ?? DEFAULT_LIMITS.maxBytes);
        },
        signal: signal ?? new AbortController().signal,
        requireRights: () => undefined,
      });
      return results.map(textOfResult);
    },
    close: async () => {
      await pool.close(1_000);
      const admin = await connect({ ...database.connection, database: "postgres" });
      await database.query(`drop schema alice, bob cascade; drop owned by ${Object.values(roles).join(", ")}`);
      await admin.query(`drop role ${Object.values(roles).join(", ")}`);
      await admin.end();
      await database.close();
    },
  };
}
