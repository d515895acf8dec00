// How a statement runs inside PostgreSQL: as which role, on which search_path, under which settings. In charge of the SQL
// that sets, pins and resets a session; not of when it is sent (connection.ts).

import { randomBytes } from "node:crypto";
import type { TransactionOptions } from "../base/query-request.ts";

/** How one statement runs. Two requests with the same `key` may share a connection without a reset between them. */
export interface Session {
  /** Whose statement it is: connections are shared out fairly between tenants. */
  readonly tenant: string;
  /** Names tenant and role together: prepared statements belong to it, and a connection is reset when it changes. */
  readonly key: string;
  /** The role that the statement runs as; undefined for the login itself (dedicated backends). */
  readonly role: string | undefined;
  /** As `SET search_path` takes it: quoted names, `pg_temp` last; undefined for the login's own (dedicated backends). */
  readonly searchPath: string | undefined;
  readonly readOnly: boolean;
  /** The token may not read rows: errors of statements that run must not quote what is stored. */
  readonly hidesValues: boolean;
}

/**
 * Settings that decide how values are read and written, pinned for the whole session: no approved statement changes them,
 * and a reset pins them again. They win over the server's configuration and over ALTER DATABASE/ROLE … SET.
 */
const PINNED_SETTINGS = {
  client_encoding: "UTF8",
  DateStyle: "ISO, MDY",
  IntervalStyle: "postgres",
  TimeZone: "UTC",
  bytea_output: "hex",
  extra_float_digits: "1",
  lc_monetary: "C",
  standard_conforming_strings: "on",
  backslash_quote: "safe_encoding",
  array_nulls: "on",
  // NOTICEs and WARNINGs reach nobody, and would count as bytes of the answer.
  client_min_messages: "error",
  // The name of a refused parameter stands in the context of the error, and its value does not.
  log_parameter_max_length_on_error: "0",
  statement_timeout: "0",
  // The statement's own timeout bounds the wait for a lock too, so that it ends as TIMEOUT and not as another error.
  lock_timeout: "0",
  idle_in_transaction_session_timeout: "10s",
} as const;

const PIN_SQL = `select ${Object.entries(PINNED_SETTINGS)
  .map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', false)`)
  .join(", ")}`;

/** Sets one after the other. NULL sets a setting to the login's own. The role comes last: it may not execute set_config. */
const SET_FOR_TRANSACTION = `
  pg_catalog.set_config('search_path', $1, true) is null
  or pg_catalog.set_config('statement_timeout', $2, true) is null
  or case when $3::pg_catalog.bool then pg_catalog.set_config('transaction_read_only', 'on', true) is null else false end
  or pg_catalog.set_config('role', $4, true) is null`;

/** Opens the transaction of every statement. As a WHERE it returns no row to read. */
const SETTINGS_SQL = `select where ${SET_FOR_TRANSACTION}`;

/**
 * The same where a transaction may run on any session of the server, and the session belongs to others before and after:
 * what is pinned is set for the transaction alone, too.
 */
export const UNPREPARED_SETTINGS_SQL = `select where ${Object.entries(PINNED_SETTINGS)
  .map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', true) is null or `)
  .join("")}${SET_FOR_TRANSACTION}`;

/** Sets again what the rights of a transaction depend on: whether it may write, and its role. */
const RIGHTS_SQL = `
  select where case when $1::pg_catalog.bool then pg_catalog.set_config('transaction_read_only', 'on', true) is null else false end
  or pg_catalog.set_config('role', $2, true) is null`;

/** A statement that each connection prepares when it opens. */
export interface FixedStatement {
  readonly name: string;
  readonly sql: string;
}

/** No text that a tenant sends can name the gateway's statements, to prepare others under their names. */
const SECRET = randomBytes(9).toString("hex");

const fixed = (name: string, sql: string): FixedStatement => ({ name: `postgate_${name}_${SECRET}`, sql });

export const SETTINGS_STATEMENT = fixed("settings", SETTINGS_SQL);

export const PIN_STATEMENT = fixed("pin", PIN_SQL);

const RESET_ROLE_STATEMENT = fixed("reset_role", "reset role");

/**
 * Between two statements of a batch. The login may execute set_config and the tenants' roles may not, so the role comes off
 * first. Only what rights depend on is set again: to set search_path and the timeout too would cost three times as much.
 */
export const RIGHTS_STATEMENTS: readonly FixedStatement[] = [RESET_ROLE_STATEMENT, fixed("rights", RIGHTS_SQL)];

/** What currval and lastval show stays with the session until this is said. */
export const FORGET_SEQUENCES = "discard sequences";

/**
 * Takes away what a session may have left behind for the next one. The judge keeps it from arising; this is the second
 * wall. Not DISCARD ALL, which would drop the prepared statements too.
 */
export const RESET_STATEMENTS: readonly FixedStatement[] = [
  RESET_ROLE_STATEMENT,
  fixed("reset_cursors", "close all"),
  fixed("reset_settings", "reset all"),
  PIN_STATEMENT,
  fixed("reset_listen", "unlisten *"),
  fixed("reset_temp", "discard temp"),
  fixed("reset_sequences", FORGET_SEQUENCES),
  fixed("reset_locks", "select pg_catalog.pg_advisory_unlock_all()"),
];

export const FIXED_STATEMENTS: ReadonlySet<FixedStatement> = new Set([
  SETTINGS_STATEMENT,
  ...RESET_STATEMENTS,
  ...RIGHTS_STATEMENTS,
]);

const NO_SETTINGS: readonly string[] = [];

/**
 * What has to be set before the transaction's first query. Not SET TRANSACTION, which warns in the server's log where there
 * was no BEGIN. These settings end with the transaction all the same.
 */
export function transactionSettings(
  { isolation, deferrable }: TransactionOptions,
  isReadOnly: boolean,
): readonly string[] {
  if (isolation === undefined && !deferrable) return NO_SETTINGS;
  const isolated = isolation === undefined ? [] : [`set transaction_isolation = '${isolation}'`];
  if (!deferrable) return isolated;
  return [...isolated, ...(isReadOnly ? ["set transaction_read_only = on"] : []), "set transaction_deferrable = on"];
}

/** The first words of the command tags of all that the judge lets through. */
const TRACELESS_COMMANDS: ReadonlySet<string> = new Set(
  "SELECT INSERT UPDATE DELETE MERGE EXPLAIN CREATE ALTER DROP TRUNCATE REFRESH".split(" "),
);

/**
 * Whether a statement that ended with this tag is one for the session itself (SET, PREPARE, DEALLOCATE, DO, LISTEN …). Such
 * a session is not used again: one that can rename prepared statements decides what the next tenant's requests run.
 */
export function isForSession(commandTag: string): boolean {
  const end = commandTag.indexOf(" ");
  return !TRACELESS_COMMANDS.has(end < 0 ? commandTag : commandTag.slice(0, end));
}

/** The values of the parameters of each of RIGHTS_STATEMENTS. */
export function rightsValues({ role }: Session, isReadOnly: boolean): readonly (readonly (string | null)[])[] {
  return [[], [isReadOnly ? "on" : "off", role ?? null]];
}

/** The values of the parameters of SETTINGS_STATEMENT, and of UNPREPARED_SETTINGS_SQL. */
export function settingsValues(
  { searchPath, role }: Session,
  timeoutMs: number,
  isReadOnly: boolean,
): readonly (string | null)[] {
  return [searchPath ?? null, String(timeoutMs), isReadOnly ? "on" : "off", role ?? null];
}
