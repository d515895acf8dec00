-- Tokens that expire from the start, and tokens whose secret is replaced without a moment in which neither works.

alter table public.postgate_tokens
  add column if not exists expires_at timestamptz,
  -- Deleting a token must end its older secrets too.
  add column if not exists successor_id uuid references public.postgate_tokens (id) on delete cascade;

comment on column public.postgate_tokens.successor_id is
  'Set where the row is an older secret of another token, which still works until it expires.';

create index if not exists idx_postgate_tokens_successor_id
  on public.postgate_tokens (successor_id) where successor_id is not null;

-- Replaced, not overloaded: with two functions of this name a call that leaves arguments out would be ambiguous.
drop function public.create_tenant_token(uuid, varchar, text[]);

create function public.create_tenant_token(
  p_database_id uuid,
  p_name varchar default 'default',
  p_permissions text[] default array['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  p_expires_in interval default null
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
  if p_expires_in <= interval '0' then
    raise exception 'A token must not expire before it is made: %', p_expires_in
      using errcode = 'invalid_parameter_value';
  end if;
  if not exists (select from public.postgate_databases as d where d.id = p_database_id) then
    raise exception 'Database % does not exist', coalesce(p_database_id::text, 'null')
      using errcode = 'foreign_key_violation';
  end if;
  insert into public.postgate_tokens (id, database_id, name, token_hash, token_prefix, allowed_operations, expires_at)
  values (
    v_id,
    p_database_id,
    p_name,
    encode(sha256(convert_to(v_token, 'UTF8')), 'hex'),
    left(v_token, 8),
    array(select known from unnest(v_known) with ordinality as k (known, place)
          where known = any (p_permissions) order by place),
    now() + p_expires_in
  );
  return query select v_id, v_token;
end
$$;

comment on function public.create_tenant_token(uuid, varchar, text[], interval) is
  'Makes a token. Gives it this once: only its SHA-256 is stored.';
revoke execute on function public.create_tenant_token(uuid, varchar, text[], interval) from public;

create function public.rotate_tenant_token(p_token_id uuid, p_overlap interval default interval '0')
returns table (id uuid, token text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_old public.postgate_tokens;
  v_old_id constant uuid := gen_random_uuid();
  v_old_until timestamptz;
  v_token constant text := 'pg_' || encode(
    sha256(
      uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
        || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    ),
    'hex'
  );
begin
  if p_overlap is null or p_overlap < interval '0' then
    raise exception 'The overlap must be an interval that is not negative: %', coalesce(p_overlap::text, 'null')
      using errcode = 'invalid_parameter_value';
  end if;
  -- Two rotations of one token come one after the other: neither secret is lost.
  select t.* into v_old from public.postgate_tokens as t where t.id = p_token_id for update;
  if not found then
    raise exception 'Token % does not exist', coalesce(p_token_id::text, 'null') using errcode = 'no_data_found';
  end if;
  if v_old.successor_id is not null then
    raise exception 'This is an older secret of token %: rotate that one', v_old.successor_id
      using errcode = 'invalid_parameter_value';
  end if;
  -- The token stays who it is: id, name, permissions, and how long it lives from when its secret is made.
  update public.postgate_tokens as t
  set token_hash = encode(sha256(convert_to(v_token, 'UTF8')), 'hex'),
      token_prefix = left(v_token, 8),
      created_at = now(),
      last_used_at = null,
      expires_at = now() + (v_old.expires_at - v_old.created_at)
  where t.id = p_token_id;
  delete from public.postgate_tokens as t where t.successor_id = p_token_id and t.expires_at <= now();
  v_old_until := least(v_old.expires_at, now() + p_overlap);
  if v_old_until > now() then
    insert into public.postgate_tokens (
      id, database_id, name, token_hash, token_prefix, allowed_operations, created_at, last_used_at, expires_at, successor_id
    )
    values (
      v_old_id, v_old.database_id, left(v_old.name, 55) || ' (old) ' || v_old_id, v_old.token_hash, v_old.token_prefix,
      v_old.allowed_operations, v_old.created_at, v_old.last_used_at, v_old_until, p_token_id
    );
  end if;
  return query select p_token_id, v_token;
end
$$;

comment on function public.rotate_tenant_token(uuid, interval) is
  'Gives a token a new secret, shown this once; the one before works for the overlap on.';
revoke execute on function public.rotate_tenant_token(uuid, interval) from public;
