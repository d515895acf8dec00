-- What a tenant may ask about its own tables. This file is also run in dedicated databases, where there are no roles of
-- Postgate's: it names none.
--
-- The catalogs are read by functions that run as their owner, so that tenants need no right on the catalogs. These trust
-- nothing that a caller says: the schema is an argument, and it must be the caller's own. The caller is the role that the
-- gateway took, or the login where it took none; current_user is the owner in there.

create schema if not exists postgate_helpers;
grant usage on schema postgate_helpers to public;

drop function if exists postgate_helpers.list_tables();
drop function if exists postgate_helpers.describe_table(text);
drop function if exists postgate_helpers.describe_table(varchar);

create or replace function postgate_helpers.own_schema(p_schema text)
returns oid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller constant oid := (
    select oid from pg_roles where rolname = coalesce(nullif(current_setting('role'), 'none'), session_user)
  );
  v_is_shared constant boolean := exists (select from pg_namespace as n where n.nspname = 'postgate_private');
  v_schema record;
begin
  select n.oid, n.nspowner, n.nspacl into v_schema from pg_namespace as n where n.nspname = p_schema;
  if not found then
    raise exception 'There is no schema to look into' using errcode = 'invalid_schema_name';
  end if;
  if p_schema = 'public' and v_is_shared then
    raise exception 'postgate_helpers is not available on the admin database' using errcode = 'feature_not_supported';
  end if;
  if p_schema ~ '^(pg_|postgate_|information_schema$)' or not (
    -- What PUBLIC has does not count: it makes no schema anybody's own.
    exists (select from aclexplode(v_schema.nspacl) as a where a.grantee = v_caller)
    or pg_has_role(v_caller, v_schema.nspowner, 'USAGE')
    -- A dedicated database: whatever its login may use.
    or (not v_is_shared and has_schema_privilege(v_caller, v_schema.oid, 'USAGE'))
  ) then
    raise exception 'This schema is not yours' using errcode = 'insufficient_privilege';
  end if;
  return v_schema.oid;
end
$$;

-- Defaults are shown as the caller would write them, names of its own schema unqualified: only here the schema is on the
-- path, and every name is qualified.
create or replace function postgate_helpers.default_expression(p_schema text, p_table oid, p_column smallint)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  execute pg_catalog.format('set local search_path to %I, pg_temp', p_schema);
  return (
    select pg_catalog.pg_get_expr(d.adbin, d.adrelid)
    from pg_catalog.pg_attrdef as d
    where d.adrelid operator(pg_catalog.=) p_table and d.adnum operator(pg_catalog.=) p_column
  );
end
$$;

create or replace function postgate_helpers.tables_of_caller(p_schema text)
returns table (table_name name)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_schema constant oid := postgate_helpers.own_schema(p_schema);
begin
  return query
    select c.relname from pg_class as c
    where c.relnamespace = v_schema and c.relkind in ('r', 'p')
    order by c.relname collate "C";
end
$$;

create or replace function postgate_helpers.columns_of_caller(p_schema text, p_table text)
returns table (column_name text, data_type text, is_nullable boolean, column_default text, is_primary_key boolean)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_schema constant oid := postgate_helpers.own_schema(p_schema);
begin
  return query
    select
      a.attname::text,
      -- As information_schema.columns words it, for a domain's base type as for any other.
      case
        when b.typelem <> 0 and b.typlen = -1 then 'ARRAY'
        when b.typnamespace = 'pg_catalog'::regnamespace then format_type(b.oid, null)
        else 'USER-DEFINED'
      end,
      not (a.attnotnull or (t.typtype = 'd' and t.typnotnull)),
      case
        when a.atthasdef and a.attgenerated = ''
        then postgate_helpers.default_expression(p_schema, c.oid, a.attnum)
      end,
      exists (
        select from pg_index as i
        where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey::smallint[])
      )
    from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type as t on t.oid = a.atttypid
    join pg_type as b on b.oid = case when t.typtype = 'd' then t.typbasetype else t.oid end
    where c.relnamespace = v_schema and c.relname = p_table and c.relkind in ('r', 'p', 'v', 'm', 'f')
    order by a.attnum;
end
$$;

create function postgate_helpers.list_tables()
returns table (table_name text, row_count bigint)
language plpgsql
as $$
declare
  v_schema constant pg_catalog.text := pg_catalog.current_schema();
begin
  for table_name in select t.table_name from postgate_helpers.tables_of_caller(v_schema) as t loop
    -- Counted with the caller's rights.
    execute pg_catalog.format('select pg_catalog.count(*) from %I.%I', v_schema, table_name) into row_count;
    return next;
  end loop;
end
$$;

create function postgate_helpers.describe_table(p_table_name text)
returns table (column_name text, data_type text, is_nullable boolean, column_default text, is_primary_key boolean)
language plpgsql
as $$
begin
  return query
    select c.column_name, c.data_type, c.is_nullable, c.column_default, c.is_primary_key
    from postgate_helpers.columns_of_caller(pg_catalog.current_schema()::pg_catalog.text, p_table_name) as c;
end
$$;

comment on function postgate_helpers.list_tables() is 'The caller''s tables and how many rows each has.';
comment on function postgate_helpers.describe_table(text) is 'The columns of one of the caller''s tables.';

revoke execute on all functions in schema postgate_helpers from public;
grant execute on function
  postgate_helpers.list_tables(),
  postgate_helpers.describe_table(text),
  postgate_helpers.tables_of_caller(text),
  postgate_helpers.columns_of_caller(text, text)
to public;
