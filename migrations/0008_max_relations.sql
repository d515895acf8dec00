-- A bound on what one tenant may keep in the catalogs, and on the locks that one of its transactions may hold. All tenants
-- share the server's lock table: when one of them fills it, nobody creates a table any more, and nobody connects.

alter table public.postgate_databases
  add column if not exists max_relations integer default 1000
    constraint valid_max_relations check (max_relations > 0 and max_relations <= 100000000);

comment on column public.postgate_databases.max_relations is
  'Tables, views, materialized views and sequences of their own; ten times as many indexes and owned sequences. Null for no limit.';

-- A tenant's relations, found by what depends on its schema: the catalog of relations has no index on the schema. An index
-- depends on its table alone. A sequence that belongs to a column counts with the indexes, since each table may have hundreds.
create function postgate_helpers.count_relations(p_schema oid, out relations bigint, out parts bigint, out has_new boolean)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- The planner knows little of these catalogs where nothing was analyzed yet; reading them whole grows with the other tenants.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  with relation as materialized (
    select c.oid, c.relkind,
           -- Made by this transaction: no older one has a number above its own.
           age(c.xmin) <= 0 as is_new,
           c.relkind = 'S' and exists (
             select from pg_depend as o
             where o.classid = 'pg_class'::regclass and o.objid = c.oid
               and o.refclassid = 'pg_class'::regclass and o.deptype in ('a', 'i')
           ) as is_owned
    from pg_depend as d join pg_class as c on c.oid = d.objid
    where d.refclassid = 'pg_namespace'::regclass and d.refobjid = p_schema and d.classid = 'pg_class'::regclass
      and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  ),
  index as (
    select count(*) as count, coalesce(bool_or(age(i.xmin) <= 0), false) as has_new
    from relation as r join pg_index as i on i.indrelid = r.oid
    where r.relkind in ('r', 'p', 'm')
  )
  select count(*) filter (where not r.is_owned),
         count(*) filter (where r.is_owned) + max(x.count),
         coalesce(bool_or(r.is_new), false) or bool_or(x.has_new)
  into relations, parts, has_new
  from index as x left join relation as r on true;
end
$$;

-- One transaction of a tenant changes its schema at a time: no other adds relations that this one does not count, and the
-- locks of several do not add up.
create function postgate_helpers.begin_schema_change(p_schema text)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  -- "pgsc" in ASCII, and the schema's oid.
  v_key constant bigint := (1885827939::bigint << 32) | postgate_helpers.own_schema(p_schema)::bigint;
begin
  if current_setting('transaction_isolation') in ('read committed', 'read uncommitted') then
    perform pg_advisory_xact_lock(v_key);
  -- To wait would be in vain: what the other transaction makes stays invisible to this one.
  elsif not pg_try_advisory_xact_lock(v_key) then
    raise exception 'Another transaction is changing the tables of this database'
      using errcode = 'serialization_failure';
  end if;
end
$$;

-- Called before each statement that changes the schema. `p_change` is what the gateway read from its text. `objects` are the
-- relations and types that it names: what depends on them is locked, too, all of it by a statement that drops something, and
-- relations by every other. `makes`: how many relations it makes for each table that it reaches, beside one for each index of
-- the `copied` ones. The locks that are held are counted when `p_is_due`, and before a statement that reaches far: for that
-- the whole lock table is read.
create function postgate_helpers.require_locks(p_schema text, p_change jsonb, p_is_due boolean, p_max_locks integer)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_schema constant oid := postgate_helpers.own_schema(p_schema);
  v_objects constant name[] := array(select jsonb_array_elements_text(p_change -> 'objects')::name);
  v_copied constant name[] := array(select jsonb_array_elements_text(p_change -> 'copied')::name);
  v_drops constant boolean := (p_change -> 'drops')::boolean;
  -- The relation, a type of its rows or a constraint, and the array of that type or a table for long values.
  v_locks_of_new constant integer := 3;
  v_made bigint := (p_change -> 'makes')::bigint;
  -- Constraints, types and defaults stand between relations. Whatever has more of these is not walked to its end.
  v_max_walked constant bigint := 8 * p_max_locks::bigint;
  v_reached bigint;
  v_held bigint := 0;
begin
  if cardinality(v_copied) > 0 then
    v_made := v_made + (
      select count(*) from pg_class as c join pg_index as i on i.indrelid = c.oid
      where c.relnamespace = v_schema and c.relname = any (v_copied)
    );
  end if;
  with recursive reached (classid, objid) as (
    select named.classid, named.objid
    from (
      select 'pg_class'::regclass::oid, c.oid from pg_class as c
      where c.relnamespace = v_schema and c.relname = any (v_objects)
      union
      select 'pg_type'::regclass::oid, t.oid from pg_type as t
      where t.typnamespace = v_schema and t.typname = any (v_objects)
    ) as named (classid, objid)
    union
    select d.classid, d.objid
    from reached as r join pg_depend as d on d.refclassid = r.classid and d.refobjid = r.objid
  ),
  counted as (
    select r.classid, r.objid from reached as r limit v_max_walked
  )
  select count(*) filter (where v_drops or n.classid = 'pg_class'::regclass)
         + v_locks_of_new * v_made * (1 + count(*) filter (where c.relispartition))
         + case when count(*) = v_max_walked then v_max_walked else 0 end
  into v_reached
  from counted as n left join pg_class as c on n.classid = 'pg_class'::regclass and c.oid = n.objid and c.relkind in ('r', 'p');

  if p_is_due or v_reached > 100 then
    select count(*) into v_held from (
      select distinct l.locktype, l.relation, l.classid, l.objid from pg_locks as l where l.pid = pg_backend_pid()
    ) as held;
  end if;
  if v_held + v_reached > p_max_locks then
    raise exception 'One transaction may lock at most % tables, indexes and other objects: it has locked %, and this statement reaches %',
      p_max_locks, v_held, v_reached
      using errcode = 'configuration_limit_exceeded';
  end if;
end
$$;

-- Called after the last statement that makes relations, before the commit. A database that has more than it may, since its
-- limit was lowered, can go on with what it has. `p_disowns`: the transaction took a sequence from its column, so that one is
-- a relation of its own now, and no catalog tells since when.
create function postgate_helpers.require_relations(p_schema text, p_max_relations integer, p_disowns boolean)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count record;
  v_max_parts constant bigint := 10 * p_max_relations::bigint;
begin
  select * into v_count from postgate_helpers.count_relations(postgate_helpers.own_schema(p_schema));
  if not (v_count.has_new or p_disowns) then
    return;
  end if;
  if v_count.relations > p_max_relations then
    raise exception 'This database may have % tables, views and sequences, and would have %',
      p_max_relations, v_count.relations
      using errcode = 'configuration_limit_exceeded';
  end if;
  if v_count.parts > v_max_parts then
    raise exception 'This database may have % indexes and sequences of columns, and would have %', v_max_parts, v_count.parts
      using errcode = 'configuration_limit_exceeded';
  end if;
end
$$;

comment on function postgate_helpers.begin_schema_change(text) is 'Waits until no other transaction changes the schema.';
comment on function postgate_helpers.require_locks(text, jsonb, boolean, integer) is
  'Fails when the transaction would hold too many locks.';
comment on function postgate_helpers.require_relations(text, integer, boolean) is 'Fails when the schema holds too many relations.';

-- They tell a tenant nothing but how much it has itself.
revoke execute on function postgate_helpers.count_relations(oid) from public;
grant execute on function
  postgate_helpers.begin_schema_change(text),
  postgate_helpers.require_locks(text, jsonb, boolean, integer),
  postgate_helpers.require_relations(text, integer, boolean)
to public;

-- Tenants that are here already keep room to grow: at least twice what they have. An original's row may have a negative
-- max_rows, which the constraint takes as it is and lets nobody write again, not even unchanged.
alter table public.postgate_databases drop constraint if exists valid_max_rows;
update public.postgate_databases as d
set max_relations = needed.max_relations
from (
  select t.id, (2 * greatest(c.relations, ceil(c.parts / 10.0)))::integer as max_relations
  from public.postgate_databases as t
  join pg_catalog.pg_namespace as n on n.nspname = t.schema_name::name
  cross join lateral postgate_helpers.count_relations(n.oid) as c
  where t.backend_type = 'schema' and t.id <> '00000000-0000-0000-0000-000000000000'
) as needed
where d.id = needed.id and needed.max_relations > 1000;
alter table public.postgate_databases add constraint valid_max_rows check (max_rows >= 0) not valid;
