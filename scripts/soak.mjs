// npm run soak -- <minutes>
//
// Runs mixed tenants (one with a dedicated database) with batches, DDL during queries and replaced tokens, while clients vanish and
// connections to PostgreSQL are cut. After a warm-up of a quarter of the time, nothing may grow: memory, handles, sessions and
// prepared statements in PostgreSQL. Prints JSON, and ends with 1 when something grew or an answer was wrong.
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { startDatabase, urlOf } from "../bench/support/database.mjs";
import { startServer } from "../bench/support/process.mjs";
import { TABLES_SQL } from "../bench/support/scenarios.mjs";

const minutes = Number(process.argv[2] ?? "20");
const TENANTS = 8;
const CLIENTS_PER_TENANT = 2;
const SAMPLE_MS = 2_000;
const FAULT_MS = 3_000;
const POOL_SIZE = 12;
/** The gateway's pool size for a dedicated database. */
const DEDICATED_POOL_SIZE = 5;
/** Finds the sessions of the gateway. */
const SESSIONS_SQL =
  "select pid from pg_stat_activity where usename ~ '^postgate_(exec|auth)' or datname = 'soak_dedicated'";
/** How far each value may exceed its largest value in the first half after the warm-up. */
const MAY_GROW_BY = { rss_mb: 64, handles: 20, sessions: 2, session_mb: 8 };
/** The codes that the faults may cause in place of a right answer. */
const EXPECTED_CODES = new Set(["UNAUTHORIZED", "UNAVAILABLE", "DATABASE_ERROR"]);
/** SQLSTATEs of a cut connection, of a table that was just dropped, and of a statement whose table changed while it ran. */
const EXPECTED_STATES = new Set(["08007", "57P01", "42P01", "42703", "0A000", "40P01", "XX000"]);

const database = await startDatabase(TENANTS);
const client = new pg.Pool({ max: 2, ...database.connection });
const server = await startServer("dist/cli/main.js", {
  DATABASE_URL: database.url,
  POSTGATE_PORT: "0",
  POSTGATE_POOL_SIZE: String(POOL_SIZE),
  POSTGATE_DEDICATED_HOSTS: database.connection.host, // The dedicated database is on the same server.
});
const dedicated = await createDedicated();
const endsAt = performance.now() + minutes * 60_000;
const answers = {};
const wrong = [];
const running = () => performance.now() < endsAt;

const ask = (token, sql, params = []) => send(token, { sql, params });

async function send(token, request) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(`${server.url}/query`, { method: "POST", headers, body: JSON.stringify(request) });
  const body = await response.json();
  const code = body.code ?? "OK";
  answers[code] = (answers[code] ?? 0) + 1;
  const isExpected =
    code === "OK" || (EXPECTED_CODES.has(code) && (body.sqlstate === undefined || EXPECTED_STATES.has(body.sqlstate)));
  if (!isExpected && wrong.length < 10) wrong.push({ request, ...body });
  return body;
}

async function newToken(tenant) {
  const { rows } = await client.query(
    "select id, token from public.create_tenant_token($1, gen_random_uuid()::text, '{SELECT,INSERT,UPDATE,DELETE,CREATE,ALTER,DROP}')",
    [tenant.id],
  );
  return rows[0];
}

/** Creates a dedicated database on the same server. It has its own pool in the gateway. */
async function createDedicated() {
  await client.query("create database soak_dedicated");
  const url = urlOf(database.connection, "soak_dedicated");
  const { rows } = await client.query(
    "insert into public.postgate_databases (name, backend_type, connection_string) values ('dedicated', 'dedicated', $1) returning id",
    [url],
  );
  const owner = new pg.Client({ ...database.connection, database: "soak_dedicated" });
  await owner.connect();
  await owner.query(TABLES_SQL);
  await owner.end();
  return rows[0];
}

/** Sends queries with new and repeated texts, writes, and DDL on the tenant's own tables, and sometimes replaces the token. */
async function work(tenant, n) {
  let token = await newToken(tenant);
  for (let turn = 0; running(); turn++) {
    const key = (turn * 7 + n) % 100;
    const known = await ask(token.token, "select id, name from accounts where id = $1", [key + 1]);
    if (known.rows !== undefined && known.rows[0]?.id !== key + 1) wrong.push({ expected: key + 1, got: known });
    await ask(token.token, `select ${turn} as turn, count(*) from accounts where balance > ${key}`);
    await ask(token.token, "insert into events (account, note) values ($1, $2)", [key, "x".repeat(key)]);
    await ask(token.token, "select id from accounts where id = any ($1)", [[key, key + 1]]);
    const insert = { sql: "insert into events (account, note) values ($1, 'batch') returning id", params: [key] };
    const batch = await send(token.token, { statements: [insert, { sql: "select count(*) from events" }] });
    if (batch.results !== undefined && batch.results.length !== 2) wrong.push({ expected: 2, got: batch });
    if (turn % 20 === 0) {
      const table = `made_${n}`;
      await ask(token.token, `create table if not exists ${table} (id int)`);
      await ask(token.token, `alter table ${table} add column if not exists c${turn % 100} text`);
      await ask(token.token, `select * from ${table}`);
      if (turn % 200 === 0) await ask(token.token, `drop table ${table}`);
      await ask(token.token, "delete from events");
    }
    if (turn % 50 !== 49) continue;
    await client.query("select public.delete_tenant_token($1)", [token.id]);
    token = await newToken(tenant);
  }
}

async function vanish() {
  const { hostname, port: httpPort } = new URL(server.url);
  const body = JSON.stringify({ sql: "select count(*) from generate_series(1, 4000000000)" });
  const { token } = await newToken(database.tenants[0]);
  const socket = connect(Number(httpPort), hostname).on("error", () => undefined);
  socket.write(
    `POST /query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await sleep(200);
  socket.destroy();
}

const cutSome = () =>
  client.query(`select pg_terminate_backend(pid) from (${SESSIONS_SQL} order by random() limit 4) as unlucky`);

async function injectFaults() {
  for (let turn = 0; running(); turn++) {
    await sleep(FAULT_MS);
    await (turn % 2 === 0 ? cutSome() : vanish());
  }
}

const megabytes = (pid, field) =>
  Math.round(
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1_024,
  );

/** Measures the sessions' own memory, which holds their prepared statements. A session may end before it is measured. */
function largestOf(pids) {
  const sizes = pids.map((pid) => {
    try {
      return megabytes(pid, "RssAnon");
    } catch {
      return 0;
    }
  });
  return Math.max(0, ...sizes);
}

async function sample() {
  const { rows } = await client.query(SESSIONS_SQL);
  return {
    rss_mb: megabytes(server.pid, "VmRSS"),
    handles: readdirSync(`/proc/${server.pid}/fd`).length,
    sessions: rows.length,
    session_mb: largestOf(rows.map(({ pid }) => pid)),
  };
}

const samples = [];
async function watch() {
  await sleep((minutes * 60_000) / 4);
  while (running()) {
    samples.push(await sample());
    await sleep(SAMPLE_MS);
  }
}

const workers = [...database.tenants, dedicated].flatMap((tenant, n) =>
  Array.from({ length: CLIENTS_PER_TENANT }, (_, m) => work(tenant, n * CLIENTS_PER_TENANT + m)),
);
await Promise.all([...workers, injectFaults(), watch()]);

const half = Math.floor(samples.length / 2);
const most = (part, key) => Math.max(...part.map((each) => each[key]));
const growth = Object.fromEntries(
  Object.entries(MAY_GROW_BY).map(([key, may]) => {
    const [first, second] = [most(samples.slice(0, half), key), most(samples.slice(half), key)];
    return [key, { first_half: first, second_half: second, may_grow_by: may, has_grown: second - first > may }];
  }),
);
const hasFailed =
  wrong.length > 0 ||
  Object.values(growth).some((each) => each.has_grown) ||
  growth.sessions.second_half > POOL_SIZE + DEDICATED_POOL_SIZE;
process.stdout.write(`${JSON.stringify({ minutes, answers, wrong, growth, passed: !hasFailed }, undefined, 2)}\n`);
await server.stop();
await client.end();
await database.stop();
process.exitCode = hasFailed ? 1 : 0;
