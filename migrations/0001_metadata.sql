-- The two metadata tables. A database of the original Postgate has them already: it keeps its rows, and gets what it lacks.

create table if not exists public.postgate_databases (
  id uuid primary key default gen_random_uuid(),
  name varchar(100) not null,
  backend_type varchar(20) not null default 'schema',
  schema_name varchar(100) constraint unique_schema unique,
  connection_string text,
  max_rows integer default 1000,
  created_at timestamptz not null default now()
);

create table if not exists public.postgate_tokens (
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

-- Columns that an older original may lack, and ours.
alter table public.postgate_databases
  add column if not exists backend_type varchar(20) not null default 'schema',
  add column if not exists connection_string text,
  add column if not exists max_rows integer default 1000,
  add column if not exists created_at timestamptz not null default now();

alter table public.postgate_tokens
  add column if not exists name varchar(100) not null default 'default',
  add column if not exists allowed_operations text[] not null default '{SELECT,INSERT,UPDATE,DELETE}',
  add column if not exists last_used_at timestamptz,
  add column if not exists expires_at timestamptz;

comment on table public.postgate_databases is 'The databases that Postgate serves, one row each.';
comment on table public.postgate_tokens is 'Tokens by their SHA-256; the tokens themselves are stored nowhere.';
comment on column public.postgate_tokens.expires_at is 'The token is refused from then on; null for never.';

do $$
begin
  if not exists (
    select from pg_constraint
    where conrelid = 'public.postgate_databases'::regclass and conname = 'valid_backend'
  ) then
    -- Not valid: rows that are there already may break it, and must not stop the adoption.
    alter table public.postgate_databases add constraint valid_backend check (
      (backend_type = 'schema' and schema_name is not null)
      or (backend_type = 'dedicated' and connection_string is not null)
    ) not valid;
  end if;

  if not exists (
    select from pg_constraint
    where conrelid = 'public.postgate_databases'::regclass and conname = 'valid_max_rows'
  ) then
    -- Not valid: an original's row may have a negative number, which stands for no limit.
    alter table public.postgate_databases add constraint valid_max_rows check (max_rows >= 0) not valid;
  end if;
end
$$;

create index if not exists idx_postgate_tokens_hash on public.postgate_tokens (token_hash);
create index if not exists idx_postgate_tokens_database_id on public.postgate_tokens (database_id);

-- The admin database: its tokens administer the others.
insert into public.postgate_databases (id, name, backend_type, schema_name)
values ('00000000-0000-0000-0000-000000000000', 'postgate_admin', 'schema', 'public')
on conflict do nothing;
