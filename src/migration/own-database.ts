/**
 * An SQL condition that is true if the database holds only Postgate's objects, so that Postgate may decide on PUBLIC's rights in it.
 * Objects of extensions do not count. Other programs connect to the database `postgres` first, so in that database the condition
 * also requires that no other login exists, except superusers.
 */
export const HOLDS_ONLY_POSTGATE = `(
  not exists (
    select from pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and c.relname not in ('postgate_databases', 'postgate_tokens', 'postgate_rights_changes', '_sqlx_migrations')
      and not exists (
        select from pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
      )
  )
  and not exists (
    select from pg_namespace as n
    where n.nspname !~ '^(pg_|postgate_|(tenant|db)_[0-9a-f]{8})' and n.nspname not in ('public', 'information_schema')
      and not exists (
        select from pg_depend as d where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e'
      )
  )
  and (current_database() <> 'postgres' or not exists (
    select from pg_roles as r
    where r.rolcanlogin and not r.rolsuper and r.rolname !~ '^postgate_' and r.rolname <> current_user
  ))
)`;
