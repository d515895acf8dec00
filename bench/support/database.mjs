// Starts a PostgreSQL for one bench in a new folder, with tenants and their tables.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startEmbedded } from "../../dist/embedded/start-embedded.js";
import { migrate } from "../../dist/migration/migrate.js";
import { LARGE_TABLES_SQL, TABLES_SQL } from "./scenarios.mjs";

export async function startDatabase(tenantCount) {
  const folder = await mkdtemp(join(tmpdir(), "postgate-bench-"));
  const embedded = await startEmbedded({ dataDir: join(folder, "data") });
  await migrate(embedded.connection, {});
  const client = new pg.Client(embedded.connection);
  await client.connect();
  try {
    const tenants = [];
    for (let n = 0; n < tenantCount; n++) tenants.push(await createTenant(client, n));
    await migrate(embedded.connection, {}); // This makes the roles of all tenants.
    const { rows } = await client.query("show server_version");
    return {
      tenants: await withRoles(client, tenants),
      connection: embedded.connection,
      url: urlOf(embedded.connection),
      version: rows[0].server_version,
      async stop() {
        await embedded.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } finally {
    await client.end();
  }
}

async function createTenant(client, n) {
  const { rows } = await client.query(
    `select tenant.id, tenant.schema_name, token.token
     from public.create_tenant_database($1, 100000) as tenant, lateral public.create_tenant_token(tenant.id) as token`,
    [`bench ${n}`],
  );
  const [{ id, schema_name: schema, token }] = rows;
  await client.query(
    `set search_path to ${pg.escapeIdentifier(schema)}; ${TABLES_SQL} ${n === 0 ? LARGE_TABLES_SQL : ""} analyze accounts; reset search_path`,
  );
  return { id, schema, token };
}

/** Adds to each tenant the role that the gateway uses for tokens without DDL. The hand-written baseline needs it. */
async function withRoles(client, tenants) {
  const { rows } = await client.query("select rolname from pg_roles where rolname like 'postgate\\_t%\\_rw'");
  const names = new Map(rows.map(({ rolname }) => [rolname.slice(-35, -3), rolname]));
  return tenants.map((tenant) => ({ ...tenant, role: names.get(tenant.id.replaceAll("-", "")) }));
}

/** Returns a connection to this or another database of the server in the form of DATABASE_URL. */
export function urlOf({ host, port, user, password, database }, name = database) {
  return `postgres://${user}:${password}@/${name}?host=${encodeURIComponent(host)}&port=${port}`;
}
