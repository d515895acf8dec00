import { expect, it } from "vitest";
import { judgeSql } from "./judge-sql.ts";

it.each([
  "SELECT 'now'::timestamptz",
  "SELECT timestamp 'NOW'",
  "SELECT date 'Today'",
  "SELECT CAST(' tomorrow ' AS date)",
  "SELECT time 'now', timetz 'now'",
  "SELECT timestamptz 'yesterday 10:00'",
  "SELECT timestamptz '10:00today'",
  "SELECT timestamptz 'today10:00'",
  "SELECT E'n\\157w'::timestamptz",
  "SELECT U&'n\\006fw'::timestamptz",
  "SELECT 'n'\n'ow'::timestamptz",
  "SELECT $tag$now$tag$::timestamptz",
  "SELECT '{now}'::timestamptz[]",
  "SELECT '{\"now\"}'::timestamptz[]",
  "SELECT '{n\\ow}'::timestamptz[]",
  "SELECT '[now,infinity)'::tstzrange",
  "SELECT '{[yesterday,\"tomorrow\"]}'::datemultirange",
  "SELECT '(1,now)'::pair",
  "SELECT '(1,n\"o\"w)'::pair",
  "SELECT date('now')",
  "SELECT * FROM t WHERE at < 'now'",
  "INSERT INTO t VALUES (1, 'now')",
  "UPDATE t SET at = 'now' WHERE id = $1",
  "SELECT coalesce(at, 'today') FROM t",
  "SELECT * FROM generate_series(date 'yesterday', date 'today', interval '1 hour')",
  "SELECT timetz '10:00 Europe/Berlin'",
  "SELECT 'now'", // The type is not known here. The wrong guess costs only one more parse.
])("finds a literal whose time depends on when PostgreSQL parses it: %s", async (sql) => {
  expect(await judgeSql(sql)).toMatchObject({ readsClock: true });
});

it.each([
  "SELECT now(), current_timestamp, current_date",
  "SELECT '2026-12-01T10:00:00Z'::timestamptz, '2026-12-01 10:00 Europe/Berlin'::timestamptz",
  "SELECT 'known', 'snow', 'nowhere', 'todays', 'epoch', 'infinity'",
  "SELECT now AS today FROM yesterday",
  "SELECT '12:30', '10:00+02', '10:00 Z'",
  "SELECT $1::timestamptz",
])("finds no literal whose time depends on when PostgreSQL parses it: %s", async (sql) => {
  expect(await judgeSql(sql)).toMatchObject({ readsClock: false });
});
