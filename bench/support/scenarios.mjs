// Defines the measured statements and how many run at a time. Each tenant has these tables.

export const TABLES_SQL = `
  create table accounts (id int primary key, name text not null, balance numeric not null);
  insert into accounts select i, 'Customer number ' || i, i * 1.25 from generate_series(1, 100) i;
  create table events (id bigint generated always as identity, account int not null, note text not null);`;

/** The first tenant has these tables too. */
export const LARGE_TABLES_SQL = `
  create table people as select i::bigint as id, 'Customer number ' || i as name,
    case when i % 4 = 0 then E'said "hello"\\nand left' end as note, i % 90 as age, i % 3 = 0 as active, i / 7.0::float8 as score,
    i * 13.25 as balance, '2026-02-03 04:05:06Z'::timestamptz + i * interval '1 second' as created_at,
    jsonb_build_object('theme', 'dark', 'level', i) as settings, array[i, i + 1, null, i + 2] as marks
    from generate_series(1, 1000) i;
  create table documents as select i as id, repeat(md5(i::text), 32) as body from generate_series(1, 10000) i;`;

const point = (n, tag = "") => ({
  sql: `select id, name, balance from accounts where id = $1${tag}`,
  params: [(n % 100) + 1],
});

/** Makes a scenario in which tenants take turns, each with its own text. */
const inTurn = (tenantCount) => ({
  connections: 32,
  tenantCount,
  statement: (n) => point(n, ` /* of tenant ${n % tenantCount} */`),
});

/** Without `tenantCount`, all requests come from the first tenant. */
export const SCENARIOS = {
  "point SELECT": { connections: 32, statement: (n) => point(n) },
  INSERT: {
    connections: 32,
    statement: (n) => ({ sql: "insert into events (account, note) values ($1, $2)", params: [n % 100, `event ${n}`] }),
  },
  "1,000 rows of 10 columns": { connections: 4, statement: () => ({ sql: "select * from people", params: [] }) },
  "10 MB": { connections: 2, statement: () => ({ sql: "select * from documents", params: [] }) },
  "cold statements": { connections: 32, isCold: true, statement: (n) => point(n, ` and ${n} = ${n}`) },
  "1,000 tenants": inTurn(1_000),
  "10,000 tenants": inTurn(10_000),
};
