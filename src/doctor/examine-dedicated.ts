// Tries, over a dedicated database's own connection string, what its tenant could do if the judge approved a statement by
// mistake. It tries the login and the role that the string names, because a dedicated database has no other wall.

import type { ClientBase } from "pg";
import { GatewayError } from "../base/errors.ts";
import type { DedicatedGuards } from "../dedicated/create-guards.ts";
import { ServerRefused } from "../dedicated/dedicated-guard.ts";
import { settingToAllow } from "../dedicated/find-refused.ts";
import { connect, type ServerGuard } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { parseTenant, TENANT_COLUMNS, type TenantRow } from "../tenants/parse-tenant.ts";
import { isSealed, type SealingKeys } from "../tenants/sealing.ts";
import { findUnstopped } from "./try-attacks.ts";
import { standing, type WallReport } from "./wall-report.ts";

const CONNECT_TIMEOUT_MS = 5_000;
const AT_ONCE = 4;

const SERVER_ATTACKS = [
  "select pg_catalog.pg_read_file('PG_VERSION')",
  "copy (select 1) to program 'true'",
  "select rolpassword from pg_catalog.pg_authid",
  "create role postgate_doctor_attack",
];

export interface DedicatedOptions {
  readonly keys: SealingKeys;
  readonly guards: DedicatedGuards;
  /** A new role of the shared server. A dedicated database that shows this role is on the same server as the other tenants. */
  readonly witness: string;
}

/** Returns one report on each dedicated database, and one on how their connection strings are stored. */
export async function examineDedicated(client: ClientBase, options: DedicatedOptions): Promise<readonly WallReport[]> {
  const { rows } = await client.query<TenantRow>(
    `select ${TENANT_COLUMNS.join(", ")} from public.postgate_databases where backend_type = 'dedicated' order by id`,
  );
  if (rows.length === 0) return [];
  const reports: WallReport[] = [examineStorage(rows)];
  for (let index = 0; index < rows.length; index += AT_ONCE)
    reports.push(...(await Promise.all(rows.slice(index, index + AT_ONCE).map((row) => examineRow(row, options)))));
  return reports;
}

function examineStorage(rows: readonly TenantRow[]): WallReport {
  const wall = "connection strings at rest";
  const plain = rows.filter(({ connection_string: stored }) => !isSealed(String(stored))).length;
  if (plain === 0) return standing(wall);
  const why = `${plain} of ${rows.length} can be read by whoever has a dump or a replica of this database`;
  return { wall, state: "weaker", why, tried: null, raise: "postgate seal, with POSTGATE_SEALING_KEY set" };
}

async function examineRow(row: TenantRow, options: DedicatedOptions): Promise<WallReport> {
  const wall = `dedicated database ${String(row.id)}`;
  try {
    const { id, backend } = parseTenant(row, options.keys);
    if (backend.kind !== "dedicated") return standing(wall);
    return { ...(await examineLogin(backend.connection, options.guards.guardOf(id), options.witness)), wall };
  } catch (error) {
    const refusal = error instanceof GatewayError ? error.cause : undefined;
    if (refusal instanceof ServerRefused) return { wall, ...describeRefused(refusal, options.guards.elements) };
    const why = `nothing is known of its login: ${(error as Error).message}`;
    return { wall, state: "weaker", why, tried: null, raise: "mend its connection string, then postgate doctor again" };
  }
}

/** Describes a tenant that is not served: the operator did not write its row, or has to confirm it with a setting. */
function describeRefused(refusal: ServerRefused, elements: readonly string[]): Omit<WallReport, "wall"> {
  const setting = settingToAllow(elements, [refusal]);
  return {
    state: "weaker",
    why: `its tenant is not served: ${refusal.message}`,
    tried: null,
    raise: setting === undefined ? "change its connection string" : `set ${setting}, if the row is yours`,
  };
}

async function examineLogin(
  connection: ConnectionSettings,
  guard: ServerGuard,
  witness: string,
): Promise<Omit<WallReport, "wall">> {
  const options = { applicationName: "postgate doctor", connectTimeoutMs: CONNECT_TIMEOUT_MS, guard };
  const session = await connect(connection, options);
  try {
    const { rows } = await session.query<{ login: string; role: string; is_beside: boolean }>(
      `select session_user::text as login, current_user::text as role,
              exists (select from pg_catalog.pg_roles where rolname = $1) as is_beside`,
      [witness],
    );
    const { login = "", role = "", is_beside: isBeside = false } = rows[0] ?? {};
    for (const [name, prepare] of [
      [role, ""],
      [login, "set local role none"], // A statement can reset the role that the options set.
    ] as const) {
      const tried = await findUnstopped(session, { prepare, attacks: SERVER_ATTACKS });
      if (tried !== undefined) return describeBreach({ name, tried, isBeside });
    }
    return standing("its login");
  } finally {
    await session.end();
  }
}

interface Breach {
  readonly name: string;
  readonly tried: string;
  readonly isBeside: boolean;
}

function describeBreach({ name, tried, isBeside }: Breach): Omit<WallReport, "wall"> {
  return {
    state: isBeside ? "missing" : "weaker",
    why: `its login "${name}" has rights beyond its database${isBeside ? ", on the server of the other tenants" : ""}`,
    tried,
    raise: `ALTER ROLE "${name}" NOSUPERUSER NOCREATEROLE; REVOKE pg_read_server_files, pg_write_server_files, pg_execute_server_program FROM "${name}"`,
  };
}
