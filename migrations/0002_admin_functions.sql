-- The four functions that make and remove databases and tokens. They run as their owner, who owns the metadata and every
-- tenant's schema and may log in nowhere; who owns them and who may call them is settled after the migrations, because
-- the roles' names carry the database's identity.

-- An original's functions run as whoever calls them, may be called by everybody and may return other columns: `create or
-- replace` would keep the first two and refuse the third.
do $$
declare
  routine regprocedure;
begin
  for routine in
    select oid from pg_proc
    where pronamespace = 'public'::regnamespace
      and proname in ('create_tenant_database', 'delete_tenant_database', 'create_tenant_token', 'delete_tenant_token')
  loop
    execute format('drop routine %s', routine);
  end loop;
end
$$;

create function public.create_tenant_database(p_name varchar, p_max_rows integer default 1000)
returns table (id uuid, schema_name varchar)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id constant uuid := gen_random_uuid();
  v_schema constant varchar := left(
    'tenant_' || replace(v_id::text, '-', '') || '_'
      || regexp_replace(lower(p_name collate "C"), '[^a-z0-9_]', '_', 'g'),
    63
  );
begin
  if p_name is null or btrim(p_name) = '' then
    raise exception 'A database needs a name' using errcode = 'invalid_parameter_value';
  end if;
  if p_max_rows < 0 then
    raise exception 'max_rows must not be negative: %', p_max_rows using errcode = 'invalid_parameter_value';
  end if;
  insert into public.postgate_databases (id, name, backend_type, schema_name, max_rows)
  values (v_id, p_name, 'schema', v_schema, coalesce(p_max_rows, 1000));
  execute format('create schema %I', v_schema);
  return query select v_id, v_schema;
end
$$;

comment on function public.create_tenant_database(varchar, integer) is
  'Makes a database with a schema of its own. Gives its id and the schema''s name.';
revoke execute on function public.create_tenant_database(varchar, integer) from public;

create function public.delete_tenant_database(p_database_id uuid)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_backend varchar;
  v_schema varchar;
begin
  if p_database_id = '00000000-0000-0000-0000-000000000000' then
    raise exception 'The admin database cannot be deleted' using errcode = 'invalid_parameter_value';
  end if;
  delete from public.postgate_databases as d where d.id = p_database_id
  returning d.backend_type, d.schema_name into v_backend, v_schema;
  if not found then
    return false;
  end if;
  -- A row may claim any name. What is PostgreSQL's or Postgate's own is no tenant's, and stays.
  if v_backend = 'schema' and v_schema <> 'public' and v_schema <> 'information_schema'
    and v_schema !~ '^pg_' and v_schema not in ('postgate_helpers', 'postgate_private', 'postgate_extensions')
  then
    execute format('drop schema if exists %I cascade', v_schema);
  end if;
  return true;
end
$$;

comment on function public.delete_tenant_database(uuid) is
  'Removes a database with its schema, all that is in it, and its tokens. False when there is none.';
revoke execute on function public.delete_tenant_database(uuid) from public;

create function public.create_tenant_token(
  p_database_id uuid,
  p_name varchar default 'default',
  p_permissions text[] default array['SELECT', 'INSERT', 'UPDATE', 'DELETE']
)
returns table (id uuid, token text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_known constant text[] := array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'ALTER', 'DROP'];
  v_unknown text;
  v_id constant uuid := gen_random_uuid();
  -- 4 × 122 bits from the server's cryptographic source, hashed to 256: pgcrypto is not needed.
  v_token constant text := 'pg_' || encode(
    sha256(
      uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
        || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    ),
    'hex'
  );
begin
  if p_permissions is null then
    raise exception 'The permissions must not be null' using errcode = 'invalid_parameter_value';
  end if;
  select coalesce(given, 'null') into v_unknown from unnest(p_permissions) as given
  where given is null or given <> all (v_known) limit 1;
  if found then
    raise exception 'Unknown permission: %', v_unknown
      using errcode = 'invalid_parameter_value', hint = 'Known are ' || array_to_string(v_known, ', ') || '.';
  end if;
  if not exists (select from public.postgate_databases as d where d.id = p_database_id) then
    raise exception 'Database % does not exist', coalesce(p_database_id::text, 'null')
      using errcode = 'foreign_key_violation';
  end if;
  insert into public.postgate_tokens (id, database_id, name, token_hash, token_prefix, allowed_operations)
  values (
    v_id,
    p_database_id,
    p_name,
    encode(sha256(convert_to(v_token, 'UTF8')), 'hex'),
    left(v_token, 8),
    array(select known from unnest(v_known) with ordinality as k (known, place)
          where known = any (p_permissions) order by place)
  );
  return query select v_id, v_token;
end
$$;

comment on function public.create_tenant_token(uuid, varchar, text[]) is
  'Makes a token. Gives it this once: only its SHA-256 is stored.';
revoke execute on function public.create_tenant_token(uuid, varchar, text[]) from public;

create function public.delete_tenant_token(p_token_id uuid)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from public.postgate_tokens as t where t.id = p_token_id;
  return found;
end
$$;

comment on function public.delete_tenant_token(uuid) is 'Revokes a token. False when there is none.';
revoke execute on function public.delete_tenant_token(uuid) from public;
