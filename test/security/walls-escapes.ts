// Lists ways out of a tenant's role that are not in the corpus. Each is a series of statements that one tenant sends on one connection with
// the judge off. PostgreSQL must refuse one of them, and none may show or change what belongs to others. walls-suite.ts tries them.

import type { Weakness } from "./walls-weaknesses.ts";

export interface Escape {
  readonly name: string;
  /** `$victim` and `$me` are roles, `$other` and `$own` schemas, `$table` is the OID of a table of the victim, `$exec` the login. */
  readonly steps: readonly string[];
  /** The wall that is missing if a weaker installation allows the escape. The judge alone refuses it there. */
  readonly weakness?: Weakness;
  /** True if the steps need not fail, because nobody else can see their effect. */
  readonly isHarmless?: true;
}

const READ = `select * from "$other".secrets`;
const READ_INSIDE = `query_to_xml('select * from "$other".secrets', true, true, '')`;
const TAKE = "set_config('role', '$victim', false)";

const ANOTHER_ROLE: readonly Escape[] = [
  { name: "SET ROLE", steps: ["set role $victim", READ] },
  { name: "SET LOCAL ROLE", steps: ["set local role $victim", READ] },
  { name: "SET SESSION ROLE", steps: ["set session role $victim", READ] },
  { name: "RESET ROLE", steps: ["reset role", "select * from public.postgate_tokens"] },
  { name: "SET ROLE NONE", steps: ["set role none", READ] },
  { name: "SET SESSION AUTHORIZATION", steps: ["set session authorization $victim"] },
  { name: "SET SESSION AUTHORIZATION to a superuser", steps: ["set session authorization postgres"] },
  { name: "RESET SESSION AUTHORIZATION", steps: ["reset session authorization", READ] },
  { name: "SET search_path", steps: [`set search_path = "$other"`, "select * from secrets"] },
  { name: "SET of a session's role by name", steps: ["set role to '$victim'", READ] },
  { name: "SET with the parameter's own name", steps: [`set "role" = '$victim'`, READ] },
  { name: "SET FROM CURRENT by ALTER ROLE", steps: ["alter role $exec set role = '$victim'"] },
  { name: "a setting of the database", steps: ["alter database $database set role = '$victim'"] },
  { name: "DISCARD ALL", steps: ["discard all"] },
  { name: "membership by GRANT", steps: ["grant $victim to $me"] },
  { name: "membership by ALTER GROUP", steps: ["alter group $victim add user $me"] },
  { name: "a role of its own", steps: ["create role mine login superuser"] },
  {
    name: "set_config and a query in one statement",
    steps: [`select ${TAKE}, ${READ_INSIDE}`],
    weakness: "another role within a statement",
  },
  { name: "a query and set_config in one statement", steps: [`select ${READ_INSIDE}, ${TAKE}`] },
  {
    name: "set_config in FROM",
    steps: [`select ${READ_INSIDE} from ${TAKE}`],
    weakness: "another role within a statement",
  },
  {
    name: "set_config in WHERE",
    steps: [`select ${READ_INSIDE} from users where ${TAKE} is not null`],
    weakness: "another role within a statement",
  },
  {
    name: "set_config in a CTE",
    steps: [`with t as materialized (select ${TAKE} as x) select ${READ_INSIDE} from t where x is not null`],
    weakness: "another role within a statement",
  },
  {
    name: "set_config in a default",
    steps: [
      `create table d (id int, x text default ${TAKE})`,
      `insert into d (id) values (1) returning ${READ_INSIDE}`,
    ],
    weakness: "another role within a statement",
  },
  {
    name: "set_config in a CHECK",
    steps: [`create table c (id int check (${TAKE} is not null))`, `insert into c values (1) returning ${READ_INSIDE}`],
    weakness: "another role within a statement",
  },
  {
    name: "set_config in a domain",
    steps: [`create domain dom as int check (${TAKE} is not null)`, `select 1::dom, ${READ_INSIDE}`],
    weakness: "another role within a statement",
  },
  {
    name: "set_config in a view",
    steps: [`create view v as select ${TAKE} as x`, `select x, ${READ_INSIDE} from v`],
    weakness: "another role within a statement",
  },
  {
    name: "set_config in a rule",
    steps: [
      `create rule r as on insert to users do also select ${TAKE}, ${READ_INSIDE}`,
      "insert into users (name) values ('x')",
    ],
    weakness: "another role within a statement",
  },
  {
    name: "set_config in a policy",
    steps: [
      `create policy p on users using (${TAKE} is not null)`,
      "alter table users enable row level security, force row level security",
      `select ${READ_INSIDE} from users`,
    ],
    weakness: "another role within a statement",
  },
  { name: "set_config by EXPLAIN ANALYZE", steps: [`explain (analyze) select ${TAKE}`, READ] },
  { name: "set_config by a cursor", steps: [`declare c cursor with hold for select ${TAKE}`, READ] },
  { name: "set_config by EXECUTE", steps: [`prepare p as select ${TAKE}`, "execute p", READ] },
  {
    name: "set_config by CREATE TABLE AS",
    steps: [`create table t_as as select ${TAKE}, ${READ_INSIDE}`],
    weakness: "another role within a statement",
  },
  {
    name: "set_config in an aggregate",
    steps: [`select max(${TAKE}), max(${READ_INSIDE}::text) from users`],
    weakness: "another role within a statement",
  },
  { name: "set_config kept for the next statement", steps: [`select ${TAKE}`, READ] },
  {
    name: "DO",
    steps: [`do $$ begin set local role $victim; perform * from "$other".secrets; end $$`],
    weakness: "languages",
  },
  {
    name: "a function with SET role",
    steps: [
      `create function f() returns text language sql set role = '$victim' as 'select secret from "$other".secrets limit 1'`,
      "select f()",
    ],
    weakness: "languages",
  },
  { name: "a function in pg_temp", steps: [`create function pg_temp.f() returns int language sql as 'select 1'`] },
  {
    name: "SECURITY DEFINER of its own",
    steps: [
      `create function f() returns bigint language sql security definer as 'select count(*) from "$other".secrets'`,
      "select f()",
    ],
  },
];

const OTHERS_OBJECTS: readonly Escape[] = [
  { name: "a view on another's table", steps: [`create view peek as ${READ}`] },
  { name: "a table like another's", steps: [`create table peek (like "$other".secrets including all)`] },
  { name: "a child of another's table", steps: [`create table peek () inherits ("$other".secrets)`] },
  {
    name: "a partition of another's table",
    steps: [`create table peek partition of "$other".b_parts for values in (1)`],
  },
  { name: "a foreign key to another's table", steps: [`create table peek (id int references "$other".secrets)`] },
  { name: "a column of another's type", steps: [`create table peek (m "$other".b_mood)`] },
  { name: "another's domain", steps: [`select 'x'::"$other".b_dom`] },
  { name: "another's sequence", steps: [`select nextval('"$other".b_seq')`] },
  { name: "another's sequence by number", steps: [`select nextval((select $table + 0)::oid::regclass)`] },
  { name: "another's table by number, as XML", steps: ["select table_to_xml($table::oid::regclass, true, true, '')"] },
  { name: "another's schema as XML", steps: [`select schema_to_xml('$other', true, true, '')`] },
  {
    name: "another's table's size by number",
    steps: ["select pg_total_relation_size($table::oid)"],
    weakness: "activity and statistics",
  },
  {
    name: "another's rights by number",
    steps: ["select has_table_privilege('$victim', $table::oid, 'select')"],
    weakness: "catalogs",
  },
  { name: "rights on another's table by name", steps: [`select has_table_privilege('"$other".secrets', 'select')`] },
  { name: "a rule that reads another's table", steps: [`create rule peek as on insert to users do also ${READ}`] },
  {
    name: "a trigger on another's table",
    steps: [
      `create trigger t before update on "$other".secrets for each row execute function suppress_redundant_updates_trigger()`,
    ],
  },
  { name: "a publication of another's table", steps: [`create publication p for table "$other".secrets`] },
  { name: "statistics on another's table", steps: [`create statistics s on id, secret from "$other".secrets`] },
  { name: "the schema's name", steps: [`alter schema "$own" rename to mine`] },
  { name: "the schema itself", steps: [`drop schema "$own" cascade`] },
  { name: "rights on the schema for others", steps: [`grant usage on schema "$own" to public`, READ] },
  { name: "the owner of another's table", steps: [`alter table "$other".secrets owner to $me`] },
  { name: "its own table into another's schema", steps: [`alter table users set schema "$other"`] },
  { name: "its own table for another", steps: ["alter table users owner to $victim"] },
  { name: "its own function into pg_catalog", steps: ["create domain pg_catalog.int5 as int"] },
  { name: "COPY of another's table", steps: [`copy "$other".secrets to stdout`] },
  { name: "LOCK of another's table", steps: [`lock table "$other".secrets`] },
  { name: "ANALYZE of another's table", steps: [`analyze "$other".secrets`, READ] },
  { name: "VACUUM of another's table", steps: [`vacuum "$other".secrets`, READ] },
  { name: "REINDEX of another's table", steps: [`reindex table "$other".secrets`] },
  { name: "CLUSTER of another's table", steps: [`cluster "$other".secrets using secrets_pkey`] },
  { name: "COMMENT on another's table", steps: [`comment on table "$other".secrets is 'mine'`] },
  { name: "DROP OWNED by another", steps: ["drop owned by $victim cascade"] },
  { name: "REASSIGN OWNED by another", steps: ["reassign owned by $victim to $me"] },
];

const SERVER: readonly Escape[] = [
  { name: "metadata", steps: ["select * from public.postgate_databases"] },
  { name: "passwords of the logins", steps: ["select * from postgate_private.logins"] },
  { name: "an admin function", steps: ["select public.create_tenant_database('x')"] },
  { name: "a program", steps: ["copy (select 1) to program 'true'"] },
  { name: "a file", steps: ["copy users to '/tmp/postgate-walls'"] },
  { name: "a file of the server", steps: ["select pg_read_file('PG_VERSION')"] },
  { name: "a file as a large object", steps: ["select lo_import('/etc/passwd')"] },
  { name: "a new large object", steps: ["select lo_from_bytea(0, 'x')"], weakness: "large objects" },
  { name: "another's large object", steps: ["select lo_get($table::oid)"] },
  { name: "a library", steps: ["load 'auto_explain'"] },
  { name: "a language", steps: ["create extension plperl"] },
  { name: "an extension", steps: ["create extension dblink"] },
  { name: "a setting of the server", steps: ["alter system set log_statement = 'all'"] },
  { name: "a tablespace", steps: ["create tablespace t location '/tmp'"] },
  { name: "a server", steps: ["create server s foreign data wrapper postgres_fdw"] },
  {
    name: "a subscription",
    steps: ["create subscription s connection 'dbname=x' publication p with (connect = false)"],
  },
  {
    name: "an event trigger",
    steps: ["create event trigger t on ddl_command_start execute function suppress_redundant_updates_trigger()"],
  },
  { name: "a security label", steps: ["security label on table users is 'x'"] },
  { name: "a cast between built-in types", steps: ["create cast (text as int) with inout as implicit"] },
  {
    name: "an operator in pg_catalog",
    steps: ["create operator pg_catalog.=== (leftarg = int, rightarg = int, function = int4eq)"],
  },
  { name: "a table in public", steps: ["create table public.mine (id int)"], weakness: "the schema public" },
  { name: "a schema", steps: ["create schema mine"] },
  { name: "a temporary table", steps: ["create temp table users (id int)"] },
  { name: "a table in pg_temp", steps: ["create table pg_temp.t (id int)"] },
  { name: "an advisory lock", steps: ["select pg_advisory_lock(1)"], weakness: "advisory locks and signals" },
  {
    name: "the gateway's own advisory lock",
    steps: ["select pg_advisory_xact_lock(8101821198450652261)"],
    weakness: "advisory locks and signals",
  },
  { name: "a notice by function", steps: ["select pg_notify('c', 'x')"], weakness: "advisory locks and signals" },
  {
    name: "others' backends",
    steps: ["select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'"],
  },
  { name: "who is active", steps: ["select * from pg_stat_activity"], weakness: "activity and statistics" },
  {
    name: "statistics of columns",
    steps: [`select * from pg_stats where schemaname = '$other'`],
    weakness: "activity and statistics",
  },
  { name: "sources of functions", steps: ["select prosrc from pg_proc"], weakness: "catalogs" },
  { name: "kept statements", steps: ["select * from pg_prepared_statements"], weakness: "catalogs" },
  { name: "the helpers' inside", steps: ["select postgate_helpers.own_schema('$other')"] },
  { name: "a helper asked for another's schema", steps: ["select * from postgate_helpers.tables_of_caller('$other')"] },
  {
    name: "a helper asked for another's table",
    steps: ["select * from postgate_helpers.columns_of_caller('$other', 'secrets')"],
  },
  {
    name: "writing in a READ ONLY transaction",
    steps: ["set transaction read write", `insert into "$other".secrets values (9, 'x')`],
  },
  { name: "two-phase commit", steps: ["prepare transaction 'x'"], isHarmless: true },
];

/** Statements whose messages from PostgreSQL must not name another tenant. */
const MESSAGES: readonly Escape[] = [
  { name: "what ANALYZE of everything says", steps: ["analyze"], isHarmless: true },
  { name: "what REINDEX of the schema public says", steps: ["reindex schema public"] },
  { name: "what DROP ROLE says", steps: ["drop role $me"] },
  { name: "what REASSIGN OWNED says", steps: ["reassign owned by $me to current_user"], isHarmless: true },
  { name: "what a name in use says", steps: ["create schema other"] },
  { name: "what a wrong role says", steps: ["set role nobody_of_this_name"] },
  { name: "what a wrong number says", steps: ["select 999999999::oid::regclass::text::regclass"] },
  { name: "a channel that it listens to", steps: ["listen gossip", "notify gossip, 'x'"], isHarmless: true },
];

/** Statements that alter a role. Rights on its own role gain a tenant nothing: nobody logs in as it, and nobody else is a member of it. */
const OWN_ROLE: readonly Escape[] = [
  { name: "its own role's settings", steps: ["alter role current_user set search_path = 'x'"], isHarmless: true },
  { name: "its own role's attributes", steps: ["alter role current_user superuser"] },
  { name: "a login of its own", steps: ["alter role current_user login"] },
  { name: "the login's settings", steps: ["alter role session_user set search_path = 'x'"] },
  { name: "the login's password", steps: ["alter role session_user password 'x'"] },
];

export const ESCAPES: readonly Escape[] = [...ANOTHER_ROLE, ...OTHERS_OBJECTS, ...SERVER, ...MESSAGES, ...OWN_ROLE];
