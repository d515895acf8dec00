// Finds out which walls stand, by trying: two tenants that exist for this alone, one with a secret, and the other's role on
// the login that runs tenants' statements. In charge of the tenants' coming and going; walls.ts says what is tried.

import { randomUUID } from "node:crypto";
import { type ClientBase, DatabaseError } from "pg";
import { describeServerAge } from "./server-age.ts";
import { WALLS, type Wall } from "./walls.ts";
import type { Installation } from "../migration/migrate.ts";
import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { provisionTenant } from "../tenants/provision-tenant.ts";
import { tenantRolesOf } from "../tenants/role-names.ts";
import type { DatabaseId, SchemaName } from "../tenants/tenant.ts";

export interface WallReport {
  readonly wall: string;
  /** `missing`: tenants are not isolated. `weaker`: the judge alone stands there, or a limit is not set. */
  readonly state: "standing" | "weaker" | "missing";
  /** What a tenant could do; nothing for a wall that stands. */
  readonly why: string | null;
  /** What raises it. */
  readonly raise: string | null;
}

const STANDING = { state: "standing", why: null, raise: null } as const;
/** No tenant's schema may have such a name. */
const SCHEMA_PREFIX = "postgate_doctor_";

interface Subject {
  readonly id: DatabaseId;
  readonly schema: SchemaName;
  readonly owner: string;
  readonly readWrite: string;
}

export async function examineWalls(
  operator: ConnectionSettings,
  installation: Installation,
): Promise<readonly WallReport[]> {
  const client = await connect(operator, { applicationName: "postgate doctor" });
  const attacker = newSubject(installation);
  const victim = newSubject(installation);
  try {
    for (const subject of [attacker, victim]) await settle(client, installation, subject);
    return [
      ...examineDangers(installation),
      ...(await tryWalls(installation, attacker, victim)),
      await examineServer(client),
    ];
  } finally {
    for (const subject of [attacker, victim]) await remove(client, subject).catch(() => undefined);
    await client.end();
  }
}

function newSubject({ roles }: Installation): Subject {
  const id = randomUUID() as DatabaseId;
  return {
    id,
    schema: `${SCHEMA_PREFIX}${id.replaceAll("-", "")}` as SchemaName,
    ...tenantRolesOf(roles.databaseOid, id),
  };
}

/** Each has a table with a secret, as tenants have. */
async function settle(client: ClientBase, { roles }: Installation, subject: Subject): Promise<void> {
  await client.query(`create schema ${subject.schema}`);
  await client.query(`create table ${subject.schema}.secrets (secret text)`);
  await client.query(`insert into ${subject.schema}.secrets values ('secret')`);
  await provisionTenant(client, roles, subject);
}

async function remove(client: ClientBase, { schema, owner, readWrite }: Subject): Promise<void> {
  await client.query(`drop schema if exists ${schema} cascade`);
  for (const role of [readWrite, owner]) await client.query(`drop owned by ${role}; drop role ${role}`);
}

function examineDangers({ dangers }: Installation): readonly WallReport[] {
  const wall = "the tenants' login and roles";
  if (dangers.length === 0) return [{ wall, ...STANDING }];
  return dangers.map(({ role, finding, sql }) => ({ wall, state: "missing", why: `"${role}" ${finding}`, raise: sql }));
}

async function tryWalls(installation: Installation, attacker: Subject, victim: Subject): Promise<WallReport[]> {
  const names: Readonly<Record<string, string>> = {
    $own: attacker.schema,
    $other: victim.schema,
    $victim: victim.owner,
    $database: `"${installation.exec.database}"`,
  };
  const fill = (text: string): string =>
    text.replaceAll(/\$(own|other|victim|database)/g, (name) => names[name] ?? name);
  const session = await connect(installation.exec, { applicationName: "postgate doctor" });
  try {
    const reports: WallReport[] = [];
    for (const wall of WALLS) {
      const holds = await withstands(session, wall, { fill, attacker });
      const { breach: state, why, raise } = wall;
      reports.push({ wall: wall.wall, ...(holds ? STANDING : { state, why, raise: fill(raise) }) });
    }
    reports.push(await examineLimits(session, attacker, installation.exec.user));
    return reports;
  } finally {
    await session.end();
  }
}

interface Attempt {
  readonly fill: (text: string) => string;
  readonly attacker: Subject;
}

async function withstands(session: ClientBase, wall: Wall, { fill, attacker }: Attempt): Promise<boolean> {
  for (const attack of wall.attacks)
    if (await succeeds(session, fill(attack), { role: attacker[wall.as ?? "owner"], schema: attacker.schema }))
      return false;
  return true;
}

const INSUFFICIENT_PRIVILEGE = "42501";

/** An attack that fails for another reason than a missing right was not stopped by a wall. Rolled back in any case. One statement, as the gateway sends it: none can end the transaction or change the role before. */
async function succeeds(
  session: ClientBase,
  sql: string,
  { role, schema }: { readonly role: string; readonly schema: string },
): Promise<boolean> {
  await session.query(
    `begin; set local statement_timeout = '5s'; set local search_path = ${schema}, pg_temp; set local role ${role}`,
  );
  try {
    await session.query(sql);
    return true;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return error.code !== INSUFFICIENT_PRIVILEGE;
  } finally {
    await session.query("rollback");
  }
}

async function examineLimits(session: ClientBase, { owner }: Subject, login: string): Promise<WallReport> {
  const wall = "temporary files";
  await session.query(`begin; set local role ${owner}`);
  const { rows } = await session.query<{ temp_file_limit: string }>("show temp_file_limit");
  await session.query("rollback");
  if (rows[0]?.temp_file_limit !== "-1") return { wall, ...STANDING };
  return {
    wall,
    state: "weaker",
    why: "one statement can fill the disk",
    raise: `ALTER ROLE "${login}" SET temp_file_limit = '1GB'`,
  };
}

async function examineServer(client: ClientBase): Promise<WallReport> {
  const { rows } = await client.query<{ server_version_num: string }>("show server_version_num");
  const why = describeServerAge(Number(rows[0]?.server_version_num));
  const wall = "the server's version";
  return why === undefined ? { wall, ...STANDING } : { wall, state: "weaker", why, raise: "update PostgreSQL" };
}
