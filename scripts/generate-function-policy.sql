-- Selects every function of pg_catalog with its verdict: `allow` or a reason to refuse it. Refused are volatile functions, names that
-- read catalogs, sessions, files or settings, functions that run text as SQL, and PostgreSQL's own support functions. The others are
-- immutable or stable and work on their arguments alone. All functions of one name share a verdict, because a statement is judged
-- before its arguments have types.
with overload as (
  select p.oid, p.proname as name, p.provolatile, p.pronargs, p.pronargdefaults, p.provariadic,
    exists (
      select from unnest(p.proargtypes::oid[] || p.prorettype) as used (type)
      join pg_catalog.pg_type as type on type.oid = used.type
      where type.typname in ('internal', 'cstring', 'trigger', 'event_trigger', 'language_handler', 'fdw_handler',
        'index_am_handler', 'table_am_handler', 'tsm_handler', 'pg_ddl_command')
    ) as is_internal,
    'internal'::regtype = any (p.proargtypes::oid[]) as takes_internal
  from pg_catalog.pg_proc as p
  where p.pronamespace = 'pg_catalog'::regnamespace
), callable as (
  select name,
    bool_and(is_internal) as is_internal,
    bool_or(provolatile = 'v' and not is_internal) as is_volatile,
    -- f(x) can also be written x.f. One argument is enough when the others have defaults.
    bool_or(not takes_internal and pronargs >= 1 and pronargs - pronargdefaults <= 1) as takes_one,
    bool_and(is_internal or exists (select from pg_catalog.pg_operator where oprcode = overload.oid)) as is_operator,
    bool_and(is_internal or exists (
      select from pg_catalog.pg_aggregate as a
      where overload.oid in (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)
    )) as is_aggregate_part
  from overload
  group by name
)
select name, takes_one,
  case
    -- Reviewed by hand: volatile, yet they only give a random value, the time, or a number of the tenant's own sequence.
    when name in ('random', 'random_normal', 'gen_random_uuid', 'uuidv4', 'uuidv7', 'clock_timestamp', 'timeofday',
      'array_shuffle', 'array_sample', 'timezone', 'nextval', 'currval', 'setval') then 'allow'
    -- Reviewed by hand: what applications ask for when they connect, and functions behind an operator that are also
    -- called by name.
    when name in ('pg_typeof', 'pg_column_size', 'version', 'current_database', 'current_schema', 'json_extract_path',
      'json_extract_path_text', 'jsonb_extract_path', 'jsonb_extract_path_text', 'jsonb_concat', 'jsonb_delete',
      'jsonb_delete_path', 'jsonb_contains', 'arraycontains', 'jsonb_exists', 'jsonb_exists_any', 'jsonb_exists_all',
      'starts_with', 'overlaps', 'like', 'notlike', 'ilike', 'arrayoverlap', 'array_append', 'array_prepend', 'array_cat',
      'substr', 'btrim', 'date_part', 'mod', 'abs', 'power', 'pow', 'textlen') then 'allow'
    when is_internal then 'internal'
    when is_volatile then 'volatile'
    when name ~ '^pg_' then 'system'
    when name ~ '^(has_|row_security_active)' then 'privileges'
    when name ~ '^(to_reg|regclass$|format_type|oidvectortypes|.*_is_visible$)' or name ~ '_description$' then 'names'
    when name ~ '(xml|xpath)' then 'xml'
    when name ~ '^(ts_stat|ts_rewrite)$' then 'runs-sql'
    when name ~ '^(ts_debug|ts_parse|ts_token_type|ts_lexize|get_current_ts_config)$' then 'catalogs'
    when name ~ '^(current_setting|current_schemas|current_query|session_user|getpgusername|getdatabaseencoding|current_user|system_user|unicode_version|icu_unicode_version)$' then 'session'
    when name ~ '^(inet_server|inet_client)' then 'session'
    when name ~ '^(txid_|mxid_age|currtid)' then 'system'
    when name ~ '^(lo_|lo(read|write)$)' then 'large-objects'
    when name ~ '^(acl|makeaclitem|hash_aclitem|satisfies_hash_partition|amvalidate|postgresql_fdw_validator|setseed|binary_upgrade|fmgr_|icu_|brin|gin_|gist|spg)' then 'internal'
    when name ~ '(send|recv|_in|_out|typmodin|typmodout|_transfn|_finalfn|_accum|_combine|_serialize|_deserialize|_sortsupport|_validator|_handler|_statefunc|_subdiff|_canonical|_support)$' and name !~ '^(left|in|out)$' then 'internal'
    when name ~ '^(hash(?!text$|textextended$)|bt[a-z]|in_range$|.*_cmp$|.*_cmp_.*|.*_inv$)' then 'internal'
    when is_aggregate_part and name !~ '^(array_append|array_cat|length|upper|lower)$' then 'internal'
    when name ~ '(larger|smaller|_hash|_hash_extended|cmp|_ln|_exp|_log|_sqrt|_inc|_trunc|dec|inc)$' and name !~ '^(trunc|date_trunc|lower_inc|upper_inc)$' then 'internal'
    when name in ('xid', 'oid', 'nameconcatoid', 'macaddr8_set7bit', 'int8inc_any', 'int8dec_any', 'int8_sum') then 'internal'
    when is_operator then 'operator'
    else 'allow'
  end as verdict
from callable
order by name
