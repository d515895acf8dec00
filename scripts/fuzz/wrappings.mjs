// Puts a whole statement into another one that adds nothing but its own permissions. A refused statement stays refused for the same
// reason, and an honest one stays approved.

const query = (wrap, needs = []) => ({ takes: "query", gives: "query", needs: ["SELECT", ...needs], wrap });

/** `gives` is undefined for a result that cannot stand inside another statement. */
const WRAPPINGS = [
  query((sql) => `SELECT * FROM (${sql}) AS wrapped`),
  query((sql) => `SELECT 1 FROM (SELECT 1) AS a, LATERAL (${sql}) AS wrapped`),
  query((sql) => `SELECT 1 WHERE EXISTS (${sql})`),
  query((sql) => `SELECT 1 WHERE 1 = ANY (${sql})`),
  query((sql) => `SELECT 1 ORDER BY (${sql}) NULLS LAST`),
  query((sql) => `SELECT coalesce(lower((${sql})), 'x')`),
  query((sql) => `SELECT CASE WHEN true THEN (${sql}) END AS wrapped`),
  query((sql) => `SELECT json_build_object('a', ARRAY(${sql}))`),
  query((sql) => `SELECT JSON_OBJECT('a': (${sql}))`),
  query((sql) => `SELECT ARRAY[ROW((${sql}), 1)]`),
  query((sql) => `SELECT count(*) FILTER (WHERE (${sql}) IS NULL) OVER (ORDER BY 1 ROWS 2 PRECEDING)`),
  query((sql) => `SELECT mode() WITHIN GROUP (ORDER BY (${sql}))`),
  query((sql) => `SELECT 1 GROUP BY GROUPING SETS (((${sql})), ()) HAVING (${sql}) IS NULL LIMIT (${sql})`),
  query((sql) => `VALUES (1, (${sql}))`),
  query((sql) => `SELECT 1 UNION ALL (${sql})`),
  query((sql) => `(${sql}) EXCEPT SELECT 1`),
  ...[
    { needs: ["SELECT", "DELETE"], wrap: (sql) => `DELETE FROM orders WHERE id IN (${sql}) RETURNING *` },
    { needs: ["SELECT", "UPDATE"], wrap: (sql) => `UPDATE orders SET (id, total) = (${sql})` },
    { needs: ["SELECT", "INSERT"], wrap: (sql) => `INSERT INTO audit_log ${sql}` },
    {
      needs: ["SELECT", "INSERT", "UPDATE"],
      wrap: (sql) => `INSERT INTO orders VALUES (1) ON CONFLICT (id) DO UPDATE SET total = (${sql}) WHERE true`,
    },
    { needs: ["SELECT"], wrap: (sql) => `MERGE INTO users USING (${sql}) w ON true WHEN MATCHED THEN DO NOTHING` },
  ].map((each) => ({ ...each, takes: "query", gives: "statement", namesTables: true })),
  ...[
    (sql) => `WITH wrapped AS (${sql}) SELECT 1`,
    (sql) => `WITH RECURSIVE wrapped (a) AS MATERIALIZED (${sql}) SELECT a FROM wrapped`,
    (sql) => `SELECT * FROM (WITH wrapped AS (${sql}) SELECT 1) AS a`,
  ].map((wrap) => ({ takes: "statement", gives: "query", needs: ["SELECT"], wrap })),
  {
    ...{ takes: "statement", gives: "statement", needs: ["SELECT", "INSERT"], namesTables: true },
    wrap: (sql) => `WITH wrapped AS (${sql}) INSERT INTO audit_log SELECT 1`,
  },
  ...["EXPLAIN", "EXPLAIN (FORMAT JSON, COSTS OFF)"].map((explain) => ({
    ...{ takes: "statement", gives: undefined, needs: [] },
    wrap: (sql) => `${explain} ${sql}`,
  })),
  ...[
    (sql) => `CREATE VIEW wrapped AS ${sql}`,
    (sql) => `CREATE TABLE wrapped AS ${sql}`,
    (sql) => `CREATE MATERIALIZED VIEW wrapped AS ${sql} WITH NO DATA`,
    (sql) => `CREATE TABLE wrapped (a int CHECK (a IN (${sql})), b int DEFAULT (${sql}))`,
    (sql) => `CREATE INDEX wrapped ON orders ((id + (${sql}))) WHERE EXISTS (${sql})`,
    (sql) => `CREATE DOMAIN wrapped AS int CHECK (value > (${sql}))`,
  ].map((wrap) => ({
    ...{ takes: "query", gives: undefined, needs: ["SELECT", "CREATE"], namesTables: true, isStored: true },
    wrap,
  })),
  {
    ...{ takes: "query", gives: undefined, needs: ["SELECT", "ALTER"], namesTables: true, isStored: true },
    wrap: (sql) => `ALTER TABLE orders ALTER total TYPE int USING (${sql}), ADD CHECK (total > (${sql}))`,
  },
];

/** Functions that are allowed in a statement that runs but not in an expression that is stored. */
const NOT_STORED = /currval/i;

/** Returns a wrapped text and the permissions that the wrapping needs. */
export function wrap({ sql, isQuery, isAdmin }, random) {
  const needs = [];
  let gives = isQuery ? "query" : "statement";
  let text = sql;
  for (let depth = 1 + random.below(3); depth > 0 && gives !== undefined; depth -= 1) {
    const fitting = WRAPPINGS.filter(
      ({ takes, namesTables, isStored }) =>
        (takes === "statement" || gives === "query") &&
        !(isAdmin && namesTables) &&
        !(isStored && NOT_STORED.test(sql)),
    );
    const chosen = random.pick(fitting);
    text = chosen.wrap(text);
    needs.push(...chosen.needs);
    ({ gives } = chosen);
  }
  return { sql: text, needs };
}
