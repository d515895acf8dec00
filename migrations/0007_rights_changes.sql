-- What tells an instance that rights it remembers have changed, without asking for each token again: a row for every change of a
-- token or a database, kept until every instance has seen it. Making a token needs none: nobody remembers it yet.

create table public.postgate_rights_changes (
  -- Null: of any database.
  database_id uuid,
  xid xid8 not null default pg_current_xact_id()
);
create index idx_postgate_rights_changes_xid on public.postgate_rights_changes (xid);

comment on table public.postgate_rights_changes is
  'Databases whose tokens or settings were changed lately. Written by triggers and cleared by the gateway.';
revoke all on table public.postgate_rights_changes from public;

create function public.postgate_record_rights_change()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into public.postgate_rights_changes (database_id) values ((to_jsonb(old) ->> tg_argv[0])::uuid);
  return null;
end
$$;

comment on function public.postgate_record_rights_change() is
  'Records which database a change belongs to; its argument names the column.';
revoke execute on function public.postgate_record_rights_change() from public;

-- Whatever a change of a row is, but for the last use: columns that come later count, too.
create trigger postgate_updated after update on public.postgate_databases for each row
  when (to_jsonb(old) is distinct from to_jsonb(new))
  execute function public.postgate_record_rights_change('id');
create trigger postgate_deleted after delete on public.postgate_databases for each row
  execute function public.postgate_record_rights_change('id');
create trigger postgate_truncated after truncate on public.postgate_databases for each statement
  execute function public.postgate_record_rights_change('id');
create trigger postgate_updated after update on public.postgate_tokens for each row
  when (to_jsonb(old) - 'last_used_at' is distinct from to_jsonb(new) - 'last_used_at')
  execute function public.postgate_record_rights_change('database_id');
create trigger postgate_deleted after delete on public.postgate_tokens for each row
  execute function public.postgate_record_rights_change('database_id');
create trigger postgate_truncated after truncate on public.postgate_tokens for each statement
  execute function public.postgate_record_rights_change('database_id');

-- Replication and loaders that switch triggers off do not switch these off.
alter table public.postgate_databases
  enable always trigger postgate_updated,
  enable always trigger postgate_deleted,
  enable always trigger postgate_truncated;
alter table public.postgate_tokens
  enable always trigger postgate_updated,
  enable always trigger postgate_deleted,
  enable always trigger postgate_truncated;

-- `snapshot` is what this call has seen; `databases`, those of changes that `p_since` had not seen, null where it may be any.
-- `state` stands for what the changes are recorded by: where it differs, or is null, changes may have gone unrecorded.
-- Forgetting leaves the last of the rows that it is about: whoever had seen that one has missed nothing.
create function public.postgate_rights_changes_since(p_since text, p_forget_before text default null)
returns table (snapshot text, state text, databases text[])
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_since is null or p_forget_before is not null then
    begin
      delete from public.postgate_rights_changes as c
      where c.xid < (
        select max(o.xid) from public.postgate_rights_changes as o
        where o.xid < pg_snapshot_xmin(p_forget_before::pg_snapshot)
      );
      insert into public.postgate_rights_changes (database_id)
      select '00000000-0000-0000-0000-000000000000'
      where not exists (
        select from public.postgate_rights_changes as c where c.xid < pg_snapshot_xmax(pg_current_snapshot())
      );
    exception when read_only_sql_transaction then
      null;
    end;
  end if;
  return query
  select pg_current_snapshot()::text,
    (
      select case when count(*) = 6 and not pg_is_in_recovery() then
        concat_ws(' ', pg_postmaster_start_time(), string_agg(concat_ws('/', c.oid, c.xmin, t.oid, t.xmin), ' ' order by t.oid))
      end
      from pg_trigger as t
      join pg_class as c on c.oid = t.tgrelid
      where c.oid in (to_regclass('public.postgate_databases'), to_regclass('public.postgate_tokens'))
        and c.relkind = 'r' and not c.relhassubclass
        and t.tgfoid = 'public.postgate_record_rights_change()'::regprocedure and t.tgenabled = 'A'
    ),
    (
      select case when count(*) = count(c.database_id) and pg_snapshot_xmin(p_since::pg_snapshot) > (
        select min(o.xid) from public.postgate_rights_changes as o where o.xid < pg_snapshot_xmax(pg_current_snapshot())
      ) then
        coalesce(array_agg(distinct c.database_id::text) filter (where c.database_id is not null), '{}')
      end
      from public.postgate_rights_changes as c
      where c.xid >= pg_snapshot_xmin(p_since::pg_snapshot)
        and not pg_visible_in_snapshot(c.xid, p_since::pg_snapshot)
        -- A dump brings rows of another server's counter.
        and c.xid < pg_snapshot_xmax(pg_current_snapshot())
    );
end
$$;

comment on function public.postgate_rights_changes_since(text, text) is
  'Databases whose tokens or settings have changed since a snapshot; forgets what every instance has seen.';
revoke execute on function public.postgate_rights_changes_since(text, text) from public;
