// Runs baseline (b), a server as one would write it by hand: Fastify, a pg pool, five round trips per request; no judge, limits or log.
import { readFileSync } from "node:fs";
import Fastify from "fastify";
import pg from "pg";

const { connection, tenants, poolSize } = JSON.parse(readFileSync(process.env.BENCH_PLAN, "utf8"));
const byToken = new Map(tenants.map((tenant) => [`Bearer ${tenant.token}`, tenant]));
const pool = new pg.Pool({ ...connection, max: poolSize });
const app = Fastify({ logger: false });

app.post("/query", async (request) => {
  const { role, schema } = byToken.get(request.headers.authorization);
  const { sql, params } = request.body;
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query(`SET LOCAL ROLE ${pg.escapeIdentifier(role)}`);
    await client.query(`SET LOCAL search_path TO ${pg.escapeIdentifier(schema)}`);
    const { rows, rowCount } = await client.query(sql, params);
    await client.query("COMMIT");
    return { rows, row_count: rowCount };
  } finally {
    client.release();
  }
});
process.stdout.write(`${await app.listen({ port: 0, host: "127.0.0.1" })}\n`);
