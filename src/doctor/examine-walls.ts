// Finds out which walls hold by trying attacks on another tenant: as one tenant's role, on the login that runs tenants'
// statements. This file decides what is examined and in which order. walls.ts lists the attacks.

import type { ClientBase } from "pg";
import type { DedicatedGuards } from "../dedicated/create-guards.ts";
import { describeLockdown } from "../migration/lockdown.ts";
import type { Installation } from "../migration/migrate.ts";
import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import type { SealingKeys } from "../tenants/sealing.ts";
import { examineCutBackends } from "./examine-cut-backends.ts";
import { examineDedicated } from "./examine-dedicated.ts";
import { examineServer } from "./examine-server.ts";
import { type Subjects, withSubjects } from "./subjects.ts";
import { findUnstopped } from "./try-attacks.ts";
import { standing, type WallReport } from "./wall-report.ts";
import { WALLS, type Wall } from "./walls.ts";

export interface Examination {
  readonly operator: ConnectionSettings;
  readonly installation: Installation;
  /** The keys that open the connection strings of dedicated databases. */
  readonly keys: SealingKeys;
  /** The guards that decide which servers the rows of dedicated databases may name. */
  readonly guards: DedicatedGuards;
  /** The time that one statement may run (POSTGATE_QUERY_TIMEOUT_MS). */
  readonly queryTimeoutMs: number;
}

export async function examineWalls({
  operator,
  installation,
  keys,
  guards,
  queryTimeoutMs,
}: Examination): Promise<readonly WallReport[]> {
  const client = await connect(operator, { applicationName: "postgate doctor" });
  try {
    return await withSubjects(client, installation, async (subjects) => [
      ...examineDangers(installation),
      ...examineReliance(installation, await isSuperuser(client)),
      ...(await tryWalls(client, installation, subjects)),
      ...(await examineServer(client)),
      ...(await examineCutBackends(client, { login: installation.exec.user, timeoutMs: queryTimeoutMs })),
      ...examineFailures(installation),
      ...(await examineDedicated(client, { keys, guards, witness: subjects.attacker.owner })),
    ]);
  } finally {
    await client.end();
  }
}

function examineDangers({ dangers }: Installation): readonly WallReport[] {
  const wall = "the tenants' login and roles";
  if (dangers.length === 0) return [standing(wall)];
  return dangers.map(({ role, finding, sql }) => {
    const why = `every statement that got past the SQL policy: "${role}" ${finding}`;
    return { wall, state: "missing", why, tried: null, raise: sql };
  });
}

/** Names the logins that keep Postgate from locking the database down by itself. */
function examineReliance({ lockdown }: Installation, mayLockDown: boolean): readonly WallReport[] {
  const why = describeLockdown(lockdown);
  if (lockdown.kind !== "relied-on" || why === undefined) return [];
  return [
    {
      wall: "logins that need PUBLIC's rights",
      state: "weaker",
      why,
      tried: null,
      raise: raiseByLockdown(mayLockDown),
    },
  ];
}

function raiseByLockdown(mayLockDown: boolean): string {
  return mayLockDown ? "postgate lockdown" : "postgate lockdown, with a superuser as DATABASE_URL";
}

async function tryWalls(client: ClientBase, installation: Installation, subjects: Subjects): Promise<WallReport[]> {
  const fill = createFill(installation, subjects, await isSuperuser(client));
  const { attacker } = subjects;
  const session = await connect(installation.exec, { applicationName: "postgate doctor" });
  try {
    const reports: WallReport[] = [];
    for (const wall of WALLS) reports.push(await tryWall(session, wall, { subjects, fill }));
    reports.push(await examineLimits(session, attacker.owner, installation.exec.user));
    return reports;
  } finally {
    await session.end();
  }
}

/** Returns a function that replaces placeholders, which begin with a dollar, by names. */
function createFill(
  { exec }: Installation,
  { attacker, victim }: Subjects,
  mayLockDown: boolean,
): (text: string) => string {
  const names: Readonly<Record<string, string>> = {
    $own: attacker.schema,
    $other: victim.schema,
    $victim: victim.owner,
    $login: `"${exec.user}"`,
    $database: `"${exec.database}"`,
    $lockdown: raiseByLockdown(mayLockDown),
  };
  return (text) => text.replaceAll(/\$[a-z]+/g, (name) => names[name] ?? name);
}

async function isSuperuser(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ is_superuser: boolean }>(
    "select rolsuper as is_superuser from pg_catalog.pg_roles where rolname = current_user",
  );
  return rows[0]?.is_superuser === true;
}

interface Attempt {
  readonly subjects: Subjects;
  readonly fill: (text: string) => string;
}

async function tryWall(session: ClientBase, wall: Wall, { subjects, fill }: Attempt): Promise<WallReport> {
  const { attacker } = subjects;
  const unstopped = await findUnstopped(session, {
    prepare: `set local search_path = ${attacker.schema}, pg_temp; set local role ${attacker[wall.as ?? "owner"]}`,
    attacks: wall.attacks.map(fill),
  });
  if (unstopped === undefined) return standing(wall.wall);
  return { wall: wall.wall, state: wall.breach, why: wall.why, tried: unstopped, raise: fill(wall.raise) };
}

async function examineLimits(session: ClientBase, role: string, login: string): Promise<WallReport> {
  const wall = "temporary files";
  await session.query(`begin; set local role ${role}`);
  const { rows } = await session.query<{ temp_file_limit: string }>("show temp_file_limit");
  await session.query("rollback");
  if (rows[0]?.temp_file_limit !== "-1") return standing(wall);
  return {
    wall,
    state: "weaker",
    why: "one statement can fill the disk",
    tried: null,
    raise: `ALTER ROLE "${login}" SET temp_file_limit = '1GB'`,
  };
}

/** Reports tenants whose roles and grants could not be made. Their statements fail, so they cannot reach other tenants. */
function examineFailures({ failures }: Installation): readonly WallReport[] {
  return failures.map(({ tenant, cause }) => ({
    wall: `roles of database ${tenant.id}`,
    state: "weaker",
    why: `its tenant is not served, because they could not be made: ${cause instanceof Error ? cause.message : String(cause)}`,
    tried: null,
    raise: "mend that, then postgate migrate",
  }));
}
