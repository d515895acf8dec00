// Measures the cost of many tenants' roles: taking a tenant's role just after another tenant was made (which empties PostgreSQL's cache
// of role memberships), and requests while tenants are made. Prints JSON. Makes a database and its roles, and removes them.
//   npm run build && DATABASE_URL=postgres://postgres@localhost/postgres node bench/roles.mjs [sizes, e.g. 100,1000,10000]
import pg from "pg";
import { SETTINGS_STATEMENT, settingsValues } from "../dist/execution/session.js";
import { migrate } from "../dist/migration/migrate.js";
import { connect } from "../dist/postgres/connect.js";
import { parseConnectionUrl } from "../dist/postgres/connection-settings.js";
import { planTenants } from "../dist/tenants/plan-tenants.js";
import { provisionTenant } from "../dist/tenants/provision-tenant.js";
import { tenantRolesOf } from "../dist/tenants/role-names.js";

const SIZES = (process.argv[2] ?? "100,1000,10000").split(",").map(Number);
const SAMPLES = 15;
const BATCH = 100;
const READERS = 3;
const QUIET_MS = 2_000;
/** Sizes that are not reached by this time are left out. */
const DEADLINE = performance.now() + 15 * 60_000;

const admin = parseConnectionUrl(process.env.DATABASE_URL ?? "postgres://postgres@localhost/postgres");
const name = `bench_roles_${process.pid}`;

async function main() {
  const maintenance = await connect(admin);
  await maintenance.query(`create database ${name}`);
  const operator = { ...admin, database: name };
  let oid;
  try {
    const installation = await migrate(operator);
    oid = installation.roles.databaseOid;
    const client = await connect(operator);
    const { rows } = await client.query("show server_version");
    const result = { server_version: rows[0].server_version, sizes: await measureAll(client, installation) };
    process.stdout.write(`${JSON.stringify(result, null, 1)}\n`);
    await client.end();
  } finally {
    await maintenance.query(`drop database ${name} with (force)`);
    await dropRoles(maintenance, oid);
    await maintenance.end();
  }
}

async function measureAll(client, installation) {
  const results = [];
  const tenants = [];
  for (const size of SIZES) {
    const started = performance.now();
    const before = tenants.length;
    while (tenants.length < size && performance.now() < DEADLINE)
      tenants.push(...(await makeTenants(client, installation, Math.min(BATCH, size - tenants.length))));
    if (tenants.length < size) break;
    const made = (performance.now() - started) / (size - before);
    await client.query("vacuum analyze pg_catalog.pg_auth_members, pg_catalog.pg_authid, pg_catalog.pg_namespace");
    results.push({
      tenants: size,
      made_in_bulk_ms_each: round(made),
      take_role: await measureTakingRoles(client, installation, tenants),
      requests: await measureRequests(client, installation, tenants),
      start_ms: await measureStart(),
    });
  }
  return results;
}

/** Runs the gateway's own statements for many tenants in one message. */
async function makeTenants(client, { roles }, count) {
  const { rows } = await client.query(
    "select made.id, made.schema_name as schema from generate_series(1, $1) as n, lateral public.create_tenant_database('bench ' || n) as made",
    [count],
  );
  await client.query("begin; set local search_path = pg_catalog, pg_temp");
  const plans = await planTenants(client, roles, rows);
  await client.query(plans.flatMap(({ statements }) => statements).join("; "));
  await client.query("commit");
  return rows;
}

async function makeOne(client, { roles }) {
  const { rows } = await client.query(
    "select id, schema_name as schema from public.create_tenant_database('one more')",
  );
  await provisionTenant(client, roles, rows[0]);
  return rows[0];
}

async function measureTakingRoles(client, installation, tenants) {
  const session = await connect(installation.exec);
  const take = async () => {
    const started = performance.now();
    await run(session, installation, tenants[Math.floor(Math.random() * tenants.length)]);
    return performance.now() - started;
  };
  const first = await take();
  const warm = [];
  for (let n = 0; n < SAMPLES * 10; n++) warm.push(await take());
  const afterGrant = [];
  const making = [];
  for (let n = 0; n < SAMPLES; n++) {
    const started = performance.now();
    await makeOne(client, installation);
    making.push(performance.now() - started);
    afterGrant.push(await take());
  }
  await session.end();
  return {
    first_of_a_connection_ms: round(first),
    warm_ms: summary(warm),
    after_a_grant_ms: summary(afterGrant),
    making_a_tenant_ms: summary(making),
  };
}

/** Sends one request as the gateway does: settings and role, statement, commit. */
async function run(session, { roles }, tenant) {
  const { readWrite } = tenantRolesOf(roles.databaseOid, tenant.id);
  const settings = { searchPath: `"${tenant.schema}", pg_temp`, role: readWrite, readOnly: false };
  const begin = session.query("begin");
  const set = session.query({
    name: SETTINGS_STATEMENT.name,
    text: SETTINGS_STATEMENT.sql,
    values: settingsValues(settings, 30_000),
  });
  await Promise.all([begin, set, session.query("select 1"), session.query("commit")]);
}

async function measureRequests(client, installation, tenants) {
  const quiet = await read(installation, tenants, () => new Promise((resolve) => setTimeout(resolve, QUIET_MS)));
  const busy = await read(installation, tenants, async () => {
    for (let n = 0; n < SAMPLES; n++) await makeOne(client, installation);
  });
  return { quiet_ms: summary(quiet), while_tenants_are_made_ms: summary(busy) };
}

/** Sends requests one after the other on each connection until `until` has ended. Returns their times. */
async function read(installation, tenants, until) {
  const sessions = await Promise.all(Array.from({ length: READERS }, () => connect(installation.exec)));
  for (const session of sessions) await run(session, installation, tenants[0]);
  const times = [];
  let isOver = false;
  const readers = sessions.map(async (session) => {
    while (!isOver) {
      const started = performance.now();
      await run(session, installation, tenants[Math.floor(Math.random() * tenants.length)]);
      times.push(performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, 5)); // The pause keeps the load low, because this does not measure load.
    }
  });
  await until();
  isOver = true;
  await Promise.all(readers);
  await Promise.all(sessions.map((session) => session.end()));
  return times;
}

/** Measures a start on a database that is ready. */
async function measureStart() {
  const started = performance.now();
  await migrate({ ...admin, database: name });
  const first = performance.now() - started;
  await migrate({ ...admin, database: name });
  return { first: round(first), second: round(performance.now() - started - first) };
}

async function dropRoles(client, oid) {
  if (oid === undefined) return;
  const { rows } = await client.query(
    "select rolname from pg_roles where rolname ~ ('^postgate_([a-z]+_|t)' || $1 || '(_|$)')",
    [String(oid)],
  );
  const names = rows.map(({ rolname }) => pg.escapeIdentifier(rolname));
  for (let n = 0; n < names.length; n += 200) await client.query(`drop role ${names.slice(n, n + 200).join(", ")}`);
}

function summary(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: round(sorted.at(-1)) };
}

function round(ms) {
  return Math.round(ms * 100) / 100;
}

await main();
