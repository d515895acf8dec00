-- A schema that came by INSERT or by the operator's own function stays the operator's until a migration or its first use hands it
-- over. The function runs as the owner of tenants' schemas and cannot drop it before: now it says so, and what to do.

create or replace function public.delete_tenant_database(p_database_id uuid)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_backend varchar;
  v_schema varchar;
  v_owner name;
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
    select pg_get_userbyid(n.nspowner) into v_owner from pg_namespace as n
    where n.nspname = v_schema::name and not pg_has_role(current_user, n.nspowner, 'USAGE');
    if found then
      -- The gateway knows this SQLSTATE: it hands the schema over and calls again.
      raise exception 'Schema "%" still belongs to "%": Postgate cannot drop it', v_schema, v_owner
        using errcode = 'insufficient_privilege',
              hint = 'Run "postgate migrate", which takes it over, and delete the database again.';
    end if;
    execute format('drop schema if exists %I cascade', v_schema);
  end if;
  return true;
end
$$;
