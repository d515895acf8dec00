-- What tells an instance that rights it remembers have changed, without asking for each token again: a row for every change of a
-- token or a database, kept until every instance has seen it. Making a token needs none: nobody remembers it yet.

create table public.postgate_rights_changes (
  -- A key for replication. No sequence: nothing else is in the schema that way.
  id uuid primary key default gen_random_uuid(),
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
  -- How many digits of a float are in the JSON is a setting of whoever changes it.
  when (to_jsonb(old) is distinct from to_jsonb(new) or old.requests_per_second is distinct from new.requests_per_second)
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

-- Which server and database this is: null on a standby, which may lag behind. A look-up of a token says so, too, since only
-- one that was answered where the changes are recorded can be confirmed by them.
create function public.postgate_rights_server()
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select case when not pg_is_in_recovery() then
    concat_ws('/', pg_postmaster_start_time(), (select oid from pg_database where datname = current_database()))
  end
$$;

comment on function public.postgate_rights_server() is 'Tells servers and databases apart; null on a standby.';
revoke execute on function public.postgate_rights_server() from public;

-- `snapshot` is what this call has seen; `databases`, those of changes that `p_since` had not seen, null where it may be any.
-- `state` stands for what the changes are recorded by: where it differs, or is null, changes may have gone unrecorded. After a crash
-- PostgreSQL hands out again what numbers of transactions were not yet on disk; it also begins its statistics anew, and so
-- their beginning is in the state. (To ask for that is dear on 14, where the last checkpoint tells, and more often than needed.)
-- Forgetting leaves the last of the rows that it is about: whoever had seen that one has missed nothing.
create function public.postgate_rights_changes_since(p_since text, p_forget_before text default null)
returns table (server text, snapshot text, state text, databases text[])
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  begin
    if p_forget_before is not null then
      delete from public.postgate_rights_changes as c
      where c.xid < (
        select o.xid from public.postgate_rights_changes as o
        where o.xid < pg_snapshot_xmin(p_forget_before::pg_snapshot) order by o.xid desc limit 1
      );
    end if;
    if p_since is null then
      insert into public.postgate_rights_changes (database_id)
      select '00000000-0000-0000-0000-000000000000'
      where not exists (
        select from public.postgate_rights_changes as c where c.xid < pg_snapshot_xmax(pg_current_snapshot())
      );
    end if;
  exception when others then
    null; -- A standby, a lock, another instance that forgets: the answer does not hang on it.
  end;
  return query
  select public.postgate_rights_server(),
    pg_current_snapshot()::text,
    (
      select case when count(*) = 6 then
        concat_ws(' ', public.postgate_rights_server(),
                  case when current_setting('server_version_num')::int < 150000
                    then (select k.checkpoint_lsn::text from pg_control_checkpoint() as k)
                    else pg_stat_get_bgwriter_stat_reset_time()::text
                  end,
                  string_agg(concat_ws('/', c.oid, c.xmin, t.oid, t.xmin), ' ' order by t.oid))
      end
      from pg_trigger as t
      join pg_class as c on c.oid = t.tgrelid
      where c.oid in (to_regclass('public.postgate_databases'), to_regclass('public.postgate_tokens'))
        and c.relkind = 'r' and not c.relhassubclass
        and t.tgfoid = 'public.postgate_record_rights_change()'::regprocedure and t.tgenabled = 'A'
    ),
    (
      select case when count(*) = count(c.database_id) and pg_snapshot_xmin(p_since::pg_snapshot) > (
        select o.xid from public.postgate_rights_changes as o
        where o.xid < pg_snapshot_xmax(pg_current_snapshot()) order by o.xid limit 1
      ) then
        coalesce(array_agg(distinct c.database_id::text) filter (where c.database_id is not null), '{}')
      end
      from public.postgate_rights_changes as c
      where (
          c.xid >= pg_snapshot_xmax(p_since::pg_snapshot)
          or c.xid in (select unseen from pg_snapshot_xip(p_since::pg_snapshot) as unseen)
        )
        -- A dump brings rows of another server's counter.
        and c.xid < pg_snapshot_xmax(pg_current_snapshot())
    );
end
$$;

comment on function public.postgate_rights_changes_since(text, text) is
  'Databases whose tokens or settings have changed since a snapshot; forgets what every instance has seen.';
revoke execute on function public.postgate_rights_changes_since(text, text) from public;
