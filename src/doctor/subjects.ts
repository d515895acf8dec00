// Creates two tenants for one examination, each with a secret, and removes them afterwards. It also removes tenants that a killed
// examination has left.

import { randomUUID } from "node:crypto";
import type { ClientBase } from "pg";
import type { Installation } from "../migration/migrate.ts";
import { provisionTenant } from "../tenants/provision-tenant.ts";
import { tenantRolesOf } from "../tenants/role-names.ts";
import type { DatabaseId, SchemaName } from "../tenants/tenant.ts";

interface Subject {
  readonly id: DatabaseId;
  readonly schema: SchemaName;
  readonly owner: string;
  readonly readWrite: string;
}

export interface Subjects {
  readonly attacker: Subject;
  readonly victim: Subject;
}

/** A subject's schema is named by this prefix and its id without the dashes. */
const SCHEMA_PREFIX = "postgate_doctor_";
/** The lock ends with the session. Subjects that exist when an examination gets the lock are therefore not in use. */
const LOCK_SQL = "select pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended('postgate doctor', 0))";
const LEFTOVERS_SQL = `
select pg_catalog.substr(nspname, ${SCHEMA_PREFIX.length + 1})::pg_catalog.uuid::text as id from pg_catalog.pg_namespace as n
where nspname ~ '^${SCHEMA_PREFIX}[0-9a-f]{32}$'
  and not exists (select from public.postgate_databases as d where d.schema_name = n.nspname)`;

/**
 * Removes leftovers, creates the subjects for `use`, and removes them when `use` has ended. Only one examination of a database runs
 * at a time.
 */
export async function withSubjects<T>(
  client: ClientBase,
  installation: Installation,
  use: (subjects: Subjects) => Promise<T>,
): Promise<T> {
  await client.query("set lock_timeout = '60s'");
  await client.query(LOCK_SQL);
  await removeLeftovers(client, installation);
  const [attacker, victim] = [newSubject(installation), newSubject(installation)];
  try {
    for (const subject of [attacker, victim]) await settle(client, installation, subject);
    return await use({ attacker, victim });
  } finally {
    await removeLeftovers(client, installation);
  }
}

function newSubject(installation: Installation): Subject {
  return toSubject(installation, randomUUID() as DatabaseId);
}

function toSubject({ roles }: Installation, id: DatabaseId): Subject {
  const schema = `${SCHEMA_PREFIX}${id.replaceAll("-", "")}` as SchemaName;
  return { id, schema, ...tenantRolesOf(roles.databaseOid, id) };
}

/** Creates a subject's schema, a table with a secret in it, and its roles. */
async function settle(client: ClientBase, { roles }: Installation, subject: Subject): Promise<void> {
  await client.query(`create schema ${subject.schema}`);
  await client.query(`create table ${subject.schema}.secrets (secret text)`);
  await client.query(`insert into ${subject.schema}.secrets values ('secret')`);
  await provisionTenant(client, roles, { ...subject, isOperatorsWord: true });
}

async function removeLeftovers(client: ClientBase, installation: Installation): Promise<void> {
  const { rows } = await client.query<{ id: string }>(LEFTOVERS_SQL);
  for (const { id } of rows)
    // This login may not be allowed to drop what another operator's login made. The walls can be tried all the same.
    await remove(client, toSubject(installation, id as DatabaseId)).catch(() => client.query("rollback"));
}

/** Removes a subject in one transaction, because a role whose schema is gone would not be found again. */
async function remove(client: ClientBase, { schema, owner, readWrite }: Subject): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    "select rolname::text as name from pg_catalog.pg_roles where rolname = any ($1)",
    [[readWrite, owner]],
  );
  const drops = rows.map(({ name }) => `drop owned by ${name}; drop role ${name};`);
  await client.query(`begin; drop schema if exists ${schema} cascade; ${drops.join(" ")} commit`);
}
