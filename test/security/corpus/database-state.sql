-- What a refused statement must leave as it was, as hashes, and what a pooled connection carries. For the superuser of a test.

CREATE SCHEMA other;
CREATE TABLE other.data (id int PRIMARY KEY, secret text);
INSERT INTO other.data VALUES (1, 'CANARY_OTHER_DATA');
CREATE TABLE other.t (id int PRIMARY KEY, c int);
CREATE TYPE other.mood AS ENUM ('CANARY_OTHER_ENUM', 'calm');
CREATE SEQUENCE other.seq START 555000;
CREATE FUNCTION other.leak() RETURNS text LANGUAGE sql AS $$ SELECT 'CANARY_OTHER_FN'::text $$;
CREATE FUNCTION other.trg() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'CANARY_OTHER_TRG'; END $$;
CREATE FUNCTION other.less(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 < $2 $$;
CREATE OPERATOR other.@+@ (LEFTARG = int, RIGHTARG = int, FUNCTION = other.less);
CREATE COLLATION other.coll FROM "C";

CREATE SCHEMA test_state;

CREATE FUNCTION test_state.of_relations(kinds "char"[], schema_names text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  relation regclass;
  hash text;
  hashes text := '';
BEGIN
  FOR relation IN
    SELECT c.oid FROM pg_class c WHERE c.relnamespace::regnamespace::text = ANY (schema_names) AND c.relkind = ANY (kinds)
    ORDER BY c.relnamespace, c.relname
  LOOP
    EXECUTE format('SELECT md5(string_agg(j::text, '','' ORDER BY j::text))
      FROM (SELECT to_jsonb(t) - ''{last_used_at,log_cnt}''::text[] FROM (SELECT * FROM %s) t) rows (j)', relation) INTO hash;
    hashes := hashes || relation || hash;
  END LOOP;
  RETURN md5(hashes);
END $$;

-- Each change of a row gives it a new xmin. Statistics change by themselves.
CREATE FUNCTION test_state.of_catalogs() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  relation regclass;
  part text;
  parts text := '';
BEGIN
  FOR relation IN
    SELECT oid FROM pg_class
    WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared AND relname NOT LIKE 'pg_statistic%'
    ORDER BY oid
  LOOP
    EXECUTE format('SELECT count(*) || '':'' || coalesce(sum(xmin::text::bigint), 0) FROM %s', relation) INTO part;
    parts := parts || relation || part || ',';
  END LOOP;
  RETURN parts;
END $$;

-- Other tests share the cluster: of roles and databases, ours and those that the corpus names.
CREATE FUNCTION test_state.of_cluster(names text[]) RETURNS text LANGUAGE sql AS $$
  WITH here AS (SELECT oid, datname FROM pg_database WHERE datname = current_database()),
  roles AS (
    SELECT * FROM pg_authid WHERE rolname = ANY (names) OR rolname ~ ('_t?' || (SELECT oid FROM here) || '(_|$)')
  )
  SELECT md5(concat(
    (SELECT string_agg(to_jsonb(r)::text, ',' ORDER BY oid) FROM roles r),
    (SELECT string_agg(to_jsonb(m)::text, ',' ORDER BY roleid, member) FROM pg_auth_members m
      WHERE roleid IN (SELECT oid FROM roles) OR member IN (SELECT oid FROM roles)),
    (SELECT string_agg(to_jsonb(s)::text, ',' ORDER BY setrole) FROM pg_db_role_setting s
      WHERE setdatabase = (SELECT oid FROM here) OR setrole IN (SELECT oid FROM roles)),
    (SELECT string_agg((to_jsonb(d) - '{datfrozenxid,datminmxid}'::text[])::text, ',' ORDER BY oid) FROM pg_database d
      WHERE datname = ANY (names) OR oid = (SELECT oid FROM here)),
    (SELECT string_agg(to_jsonb(t)::text, ',' ORDER BY oid) FROM pg_tablespace t),
    (SELECT string_agg(to_jsonb(c)::text, ',' ORDER BY objoid) FROM pg_shdescription c
      WHERE objoid IN (SELECT oid FROM here) OR objoid IN (SELECT oid FROM roles))))
$$;

-- The judge lets helpers be called, so this overload of one looks at the connection from inside.
CREATE FUNCTION postgate_helpers.describe_table(integer) RETURNS TABLE (trace text)
LANGUAGE sql SECURITY DEFINER AS $$
  SELECT 'setting ' || name || '=' || setting FROM pg_catalog.pg_settings WHERE source = 'session'
  UNION ALL SELECT 'role ' || pg_catalog.current_setting('role')
  UNION ALL SELECT 'cursor ' || name FROM pg_catalog.pg_cursors WHERE name <> ''
  UNION ALL SELECT 'prepared ' || name FROM pg_catalog.pg_prepared_statements WHERE from_sql
  UNION ALL SELECT 'channel ' || channel FROM pg_catalog.pg_listening_channels() AS channel
  UNION ALL SELECT 'lock ' || objid FROM pg_catalog.pg_locks
    WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid()
  UNION ALL SELECT 'temporary schema' WHERE pg_catalog.pg_my_temp_schema() <> 0
  ORDER BY 1
$$;
GRANT EXECUTE ON FUNCTION postgate_helpers.describe_table(integer) TO PUBLIC;
