// Builds a database like one of the original Postgate, according to the original's documentation.

import { createHash } from "node:crypto";

export const ORIGINAL_TENANT = {
  id: "aaaaaaaa-0000-4000-8000-000000000001",
  schema: "tenant_aaaaaaaa000040008000000000000001_shop",
  token: `pg_${"a1".repeat(32)}`,
};

export const OLD_STYLE_TENANT = {
  id: "bbbbbbbb-0000-4000-8000-000000000002",
  schema: "db_bbbbbbbb_blog",
};

const LONG = `tenant_cccccccc000040008000000000000003_${"x".repeat(60)}`;
export const LONG_NAMED_TENANT = {
  id: "cccccccc-0000-4000-8000-000000000003",
  rowSchema: LONG,
  schema: LONG.slice(0, 63),
};

const hash = createHash("sha256").update(ORIGINAL_TENANT.token).digest("hex");

export const ORIGINAL_TABLES_SQL = `
create extension if not exists pgcrypto;
create table public._sqlx_migrations (version bigint primary key, description text);
create table public.postgate_databases (
  id uuid primary key default gen_random_uuid(),
  name varchar(100) not null,
  backend_type varchar(20) not null default 'schema',
  schema_name varchar(100),
  connection_string text,
  max_rows integer not null default 1000,
  created_at timestamptz not null default now(),
  constraint valid_backend check (
    (backend_type = 'schema' and schema_name is not null) or (backend_type = 'dedicated' and connection_string is not null)
  ),
  constraint unique_schema unique (schema_name)
);
create table public.postgate_tokens (
  id uuid primary key default gen_random_uuid(),
  database_id uuid not null references public.postgate_databases (id) on delete cascade,
  name varchar(100) not null default 'default',
  token_hash varchar(64) not null,
  token_prefix varchar(8) not null,
  allowed_operations text[] not null default '{SELECT,INSERT,UPDATE,DELETE}',
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  unique (database_id, name)
);
create index idx_postgate_tokens_hash on public.postgate_tokens (token_hash);
create index idx_postgate_tokens_database_id on public.postgate_tokens (database_id);
insert into public.postgate_databases (id, name, schema_name)
values ('00000000-0000-0000-0000-000000000000', 'postgate_admin', 'public');`;

export const ORIGINAL_FUNCTIONS_SQL = `
create function public.create_tenant_database(p_name varchar, p_max_rows integer default 1000)
returns table (id uuid, schema_name varchar) language plpgsql as $$
declare v_id uuid := gen_random_uuid(); v_schema varchar := 'tenant_' || replace(v_id::text, '-', '') || '_' || p_name;
begin
  insert into public.postgate_databases (id, name, schema_name, max_rows) values (v_id, p_name, v_schema, p_max_rows);
  execute format('create schema %I', v_schema);
  return query select v_id, v_schema;
end $$;
create function public.delete_tenant_database(p_database_id uuid) returns boolean language plpgsql as $$
declare v_schema varchar;
begin
  delete from public.postgate_databases where id = p_database_id returning schema_name into v_schema;
  if v_schema is null then return false; end if;
  execute format('drop schema if exists %I cascade', v_schema);
  return true;
end $$;
create function public.create_tenant_token(p_database_id uuid, p_name varchar default 'default', p_permissions text[] default array['SELECT'])
returns table (token_id uuid, token text) language plpgsql as $$
begin
  return query select gen_random_uuid(), encode(gen_random_bytes(32), 'hex');
end $$;
create function public.delete_tenant_token(p_token_id uuid) returns boolean language sql as 'select true';`;

export const ORIGINAL_HELPERS_SQL = `
create schema postgate_helpers;
grant usage on schema postgate_helpers to public;
create function postgate_helpers.list_tables() returns table (table_name text, row_count bigint)
language plpgsql security definer as 'begin return query select tablename::text, 0::bigint from pg_tables; end';
create function postgate_helpers.describe_table(p_table_name text)
returns table (column_name text, data_type text) language sql security definer as $$ select 'a', 'b' $$;`;

export const ORIGINAL_TENANTS_SQL = `
insert into public.postgate_databases (id, name, schema_name, max_rows) values
  ('${ORIGINAL_TENANT.id}', 'shop', '${ORIGINAL_TENANT.schema}', -1),
  ('${OLD_STYLE_TENANT.id}', 'blog', '${OLD_STYLE_TENANT.schema}', 10),
  ('${LONG_NAMED_TENANT.id}', 'long', '${LONG_NAMED_TENANT.rowSchema}', 10);
insert into public.postgate_tokens (database_id, token_hash, token_prefix)
values ('${ORIGINAL_TENANT.id}', '${hash}', '${ORIGINAL_TENANT.token.slice(0, 8)}');
create schema ${ORIGINAL_TENANT.schema};
create schema ${OLD_STYLE_TENANT.schema};
create schema ${LONG_NAMED_TENANT.schema};
create table ${LONG_NAMED_TENANT.schema}.here (id int);
create table ${OLD_STYLE_TENANT.schema}.posts (id int);
set search_path = ${ORIGINAL_TENANT.schema};
create type mood as enum ('sad', 'ok');
create type pair as (a int, b int);
create type span as range (subtype = int);
create domain label as text check (value <> '');
create table items (id serial primary key, n int generated always as identity, tag label, mood mood);
insert into items (tag, mood) values ('kept', 'ok');
create table lines (item int references items);
create table parts (id int) partition by range (id);
create table parts_1 partition of parts for values from (0) to (10);
create sequence free;
create view shown as select * from items;
create materialized view stored as select * from items;
create function same(int, int) returns boolean language sql immutable as 'select $1 = $2';
create operator === (leftarg = int, rightarg = int, function = same);
create operator class own_ops for type int using btree as function 1 btint4cmp(int, int), operator 3 ===(int, int);
create collation own_order (locale = 'C');
create conversion own_conversion for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create text search dictionary own_words (template = simple);
create text search configuration own_search (copy = simple);
create table measured (a int, b int);
create statistics own_statistics on a, b from measured;
create aggregate total (int) (sfunc = int4pl, stype = int);
create procedure tidy() language sql as 'delete from measured';
create function lift() returns text language sql security definer as 'select current_user::text';
reset search_path;`;

/** A variant of an operator: both tables are views over the operator's own tables, with triggers that run as the writing role. */
export const OPERATOR_VIEWS_SQL = `
create schema app;
create table app.projects (id uuid primary key default gen_random_uuid(), title text, kind text default 'schema', space text, dsn text, cap int default 1000, made timestamptz default now());
create table app.keys (id uuid primary key default gen_random_uuid(), project uuid references app.projects on delete cascade, title text, hash text, prefix text, ops text[], made timestamptz default now(), used timestamptz);
create view public.postgate_databases as
  select id, title::varchar(100) as name, kind::varchar(20) as backend_type, space::varchar(100) as schema_name,
         dsn as connection_string, cap as max_rows, made as created_at from app.projects;
create view public.postgate_tokens as
  select id, project as database_id, title::varchar(100) as name, hash::varchar(64) as token_hash, prefix::varchar(8) as token_prefix,
         ops as allowed_operations, made as created_at, used as last_used_at from app.keys;
create function app.write_project() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then delete from app.projects where id = old.id; return old; end if;
  if tg_op = 'UPDATE' then update app.projects set title = new.name, cap = new.max_rows where id = old.id; return new; end if;
  new.id := coalesce(new.id, gen_random_uuid());
  insert into app.projects (id, title, kind, space, dsn, cap)
  values (new.id, new.name, coalesce(new.backend_type, 'schema'), new.schema_name, new.connection_string, coalesce(new.max_rows, 1000));
  return new;
end $$;
create function app.write_key() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then delete from app.keys where id = old.id; return old; end if;
  if tg_op = 'UPDATE' then update app.keys set used = new.last_used_at where id = old.id; return new; end if;
  new.id := coalesce(new.id, gen_random_uuid());
  insert into app.keys (id, project, title, hash, prefix, ops)
  values (new.id, new.database_id, new.name, new.token_hash, new.token_prefix, new.allowed_operations);
  return new;
end $$;
create trigger write instead of insert or update or delete on public.postgate_databases for each row execute function app.write_project();
create trigger write instead of insert or update or delete on public.postgate_tokens for each row execute function app.write_key();
insert into public.postgate_databases (id, name, schema_name) values ('00000000-0000-0000-0000-000000000000', 'postgate_admin', 'public');
create function public.create_tenant_database(p_name varchar, p_max_rows integer default 1000)
returns table (id uuid, schema_name varchar) language plpgsql as $$
declare v_id uuid := gen_random_uuid(); v_schema varchar := 'project_' || replace(v_id::text, '-', '');
begin
  insert into public.postgate_databases (id, name, schema_name, max_rows) values (v_id, p_name, v_schema, p_max_rows);
  execute format('create schema %I', v_schema);
  return query select v_id, v_schema;
end $$;
create function public.delete_tenant_database(p_database_id uuid) returns boolean language plpgsql as $$
declare v_schema varchar;
begin
  select d.schema_name into v_schema from public.postgate_databases d where d.id = p_database_id;
  delete from public.postgate_databases d where d.id = p_database_id;
  execute format('drop schema if exists %I cascade', v_schema);
  return v_schema is not null;
end $$;`;
