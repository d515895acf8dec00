// Lists the walls between a tenant and everything else. Each has statements that must fail when they run as a tenant's role
// without the judge. examine-walls.ts tries them.

export interface Wall {
  readonly wall: string;
  /**
   * Statements that must all be refused: one that runs is a breach. `$own` and `$other` are schemas, `$victim` and `$login` are
   * roles, `$database` is the database, and `$lockdown` is the command that this operator has to run.
   */
  readonly attacks: readonly string[];
  /** The meaning of a breach: another tenant's or the operator's data is open (`missing`), or only the judge protects it (`weaker`). */
  readonly breach: "missing" | "weaker";
  readonly why: string;
  /** The SQL or command that the operator runs to restore the wall. */
  readonly raise: string;
  /** The role that tries the attacks. It is the role for tokens with DDL if left out. */
  readonly as?: "readWrite";
}

const LOCK_DOWN = "$lockdown";
const MIGRATE = "postgate migrate";

/** A function that runs its argument as a query: a way to another tenant's rows. */
const READ_AS_OTHER =
  "select set_config('role', '$victim', true), query_to_xml('select * from \"$other\".secrets', true, true, '')";

export const WALLS: readonly Wall[] = [
  {
    wall: "another tenant's tables",
    attacks: ['select * from "$other".secrets', 'delete from "$other".secrets', 'create table "$other".mine (id int)'],
    breach: "missing",
    why: "one tenant reads and writes another's rows",
    raise:
      "REVOKE pg_read_all_data, pg_write_all_data FROM $login; ALTER DEFAULT PRIVILEGES REVOKE ALL ON SCHEMAS FROM PUBLIC; ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC",
  },
  {
    wall: "tokens and databases",
    attacks: [
      "select * from public.postgate_tokens",
      "select * from public.postgate_databases",
      "select * from postgate_private.logins",
    ],
    breach: "missing",
    why: "a tenant reads connection strings and hashes of tokens",
    raise: MIGRATE,
  },
  {
    wall: "admin functions",
    attacks: [
      "select public.create_tenant_database('x')",
      "select public.delete_tenant_token('00000000-0000-0000-0000-000000000001')",
    ],
    breach: "missing",
    why: "a tenant makes and deletes databases and tokens",
    raise: MIGRATE,
  },
  {
    wall: "files and programs of the server",
    attacks: [
      "select pg_read_file('PG_VERSION')",
      "copy (select 1) to program 'true'",
      "select lo_import('/etc/hostname')",
    ],
    breach: "missing",
    why: "a tenant reads the operator's files or runs programs",
    raise: "REVOKE pg_read_server_files, pg_write_server_files, pg_execute_server_program FROM $login, PUBLIC",
  },
  {
    wall: "the schema itself",
    attacks: ['drop schema "$own" cascade', 'alter schema "$own" rename to mine', "create schema mine"],
    breach: "weaker",
    why: "a tenant removes its schema or lets others in",
    raise: MIGRATE,
  },
  {
    wall: "DDL without permission",
    attacks: ["create table not_mine (id int)", "drop table secrets", "truncate secrets"],
    breach: "weaker",
    why: "only the SQL policy keeps a token without DDL from it",
    raise: MIGRATE,
    as: "readWrite",
  },
  {
    wall: "another role within a statement",
    attacks: ["select set_config('role', '$victim', true)", READ_AS_OTHER],
    breach: "weaker",
    why: "only the SQL policy keeps one statement from taking another tenant's role and reading its rows",
    raise: LOCK_DOWN,
  },
  {
    wall: "languages",
    attacks: ["do $$ begin perform 1; end $$", "create function f() returns int language sql as 'select 1'"],
    breach: "weaker",
    why: "only the SQL policy keeps a tenant from code that takes another tenant's role",
    raise: LOCK_DOWN,
  },
  {
    wall: "the schema public",
    attacks: ["create table public.mine (id int)"],
    breach: "weaker",
    why: "a tenant leaves objects where the operator's statements may find them",
    raise: "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
  },
  {
    wall: "catalogs",
    attacks: [
      "select * from pg_catalog.pg_roles",
      "select * from pg_catalog.pg_class",
      "select * from information_schema.tables",
    ],
    breach: "weaker",
    why: "only the SQL policy hides the names of other tenants' tables, columns and roles",
    raise: LOCK_DOWN,
  },
  {
    wall: "activity and statistics",
    attacks: [
      "select * from pg_catalog.pg_stat_activity",
      "select * from pg_catalog.pg_stats",
      "select pg_stat_get_backend_pid(1)",
    ],
    breach: "weaker",
    why: "only the SQL policy hides who else is active, and when",
    raise: LOCK_DOWN,
  },
  {
    wall: "settings",
    attacks: ["select current_setting('data_directory', true)", "select set_config('statement_timeout', '0', true)"],
    breach: "weaker",
    why: "only the SQL policy keeps limits from being lifted and settings from being read",
    raise: LOCK_DOWN,
  },
  {
    wall: "large objects",
    attacks: ["select lo_create(0)", "select lo_from_bytea(0, '\\x00')"],
    breach: "weaker",
    why: "only the SQL policy keeps tenants from a store that belongs to no schema",
    raise: LOCK_DOWN,
  },
  {
    wall: "advisory locks and signals",
    attacks: [
      "select pg_advisory_xact_lock(1)",
      "select pg_notify('c', '')",
      "select pg_cancel_backend(0)",
      "select pg_sleep(0)",
    ],
    breach: "weaker",
    why: "only the SQL policy keeps tenants from stopping each other with locks that all share",
    raise: LOCK_DOWN,
  },
  {
    wall: "temporary tables",
    attacks: ["create temp table t (id int)"],
    breach: "weaker",
    why: "only the SQL policy keeps a tenant from leaving something behind on a connection",
    raise: "REVOKE TEMPORARY ON DATABASE $database FROM PUBLIC",
  },
];
