// Finds the dedicated databases whose rows name a server that is not allowed, without connecting to any of them. The operator thus
// learns of them when the gateway starts, and not from a tenant.

import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { parseTenant, TENANT_COLUMNS, type TenantRow } from "../tenants/parse-tenant.ts";
import type { SealingKeys } from "../tenants/sealing.ts";
import type { DedicatedGuards } from "./create-guards.ts";
import { describeRefusal, type JudgedPlace, judgePlaces, ServerRefused } from "./dedicated-guard.ts";
import { isHostRule } from "./host-rules.ts";
import { targetOf } from "./operator-targets.ts";
import { findRefusedOption } from "./session-options.ts";

export interface RefusedDatabase {
  readonly id: string;
  readonly refusal: ServerRefused;
}

export interface FindRefusedOptions {
  readonly operator: ConnectionSettings;
  readonly guards: DedicatedGuards;
  readonly keys: SealingKeys;
  readonly signal: AbortSignal;
}

const ROWS_SQL = `select ${TENANT_COLUMNS.join(", ")} from public.postgate_databases where backend_type = 'dedicated' order by id`;
/** Time limit for resolving the hosts of one row. */
const RESOLVE_TIMEOUT_MS = 5_000;
const AT_ONCE = 4;
const MAX_NAMED = 20;

export async function findRefused(options: FindRefusedOptions): Promise<readonly RefusedDatabase[]> {
  const rows = await loadRows(options);
  if (rows.length === 0) return [];
  const { targets } = await options.guards.facts.recent();
  const shared = await judgePlaces(options.operator, options.guards.rules, options.signal).catch(() => []);
  const found: (RefusedDatabase | undefined)[] = [];
  for (let index = 0; index < rows.length; index += AT_ONCE)
    found.push(
      ...(await Promise.all(
        rows.slice(index, index + AT_ONCE).map(async ({ id, connection }) => {
          if (targets.get(id) === targetOf(connection)) return undefined;
          const refusal = await findRefusal(connection, shared, options);
          return refusal && { id, refusal };
        }),
      )),
    );
  return found.filter((each) => each !== undefined);
}

interface DedicatedRow {
  readonly id: string;
  readonly connection: ConnectionSettings;
}

/** Returns the rows that can be parsed and opened. Any other row fails at each use with an error that gives the reason. */
async function loadRows({ operator, keys, signal }: FindRefusedOptions): Promise<readonly DedicatedRow[]> {
  const client = await connect(operator, { applicationName: "postgate allowed servers", signal });
  try {
    const { rows } = await client.query<TenantRow>(ROWS_SQL);
    return rows.flatMap((row) => {
      try {
        const { id, backend } = parseTenant(row, keys);
        return backend.kind === "dedicated" ? [{ id, connection: backend.connection }] : [];
      } catch {
        return [];
      }
    });
  } finally {
    await client.end();
  }
}

async function findRefusal(
  connection: ConnectionSettings,
  shared: readonly JudgedPlace[],
  { guards, signal }: FindRefusedOptions,
): Promise<ServerRefused | undefined> {
  const option = connection.options === undefined ? undefined : findRefusedOption(connection.options);
  if (option !== undefined) return new ServerRefused(`the parameter "options" may not set ${JSON.stringify(option)}`);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(RESOLVE_TIMEOUT_MS)]);
  const places = await judgePlaces(connection, guards.rules, deadline).catch(() => []); // It cannot be reached now.
  const refused = places.find(({ admission }) => admission === "refused");
  if (refused !== undefined) return describeRefusal(refused);
  const beside = places.find(
    (place) => place.admission !== "named" && shared.some((other) => isSamePlace(place, other)),
  );
  return beside && new ServerRefused(`${JSON.stringify(beside.host)} is the server of DATABASE_URL`, beside.host);
}

function isSamePlace(one: JudgedPlace, other: JudgedPlace): boolean {
  if (one.port !== other.port) return false;
  return (
    one.host === other.host || (one.addresses ?? []).some((address) => other.addresses?.includes(address) === true)
  );
}

/** Returns the setting with these servers added, or undefined if no setting would allow them. */
export function settingToAllow(elements: readonly string[], refusals: readonly ServerRefused[]): string | undefined {
  const hosts = refusals.map(({ host }) => host).filter((host) => host !== undefined && isHostRule(host));
  if (hosts.length === 0) return undefined;
  return `POSTGATE_DEDICATED_HOSTS=${[...new Set([...elements.filter((each) => each !== "none"), ...hosts])].join(",")}`;
}

/** Returns one line for the operator, or undefined when nothing is refused. */
export function describeRefused(elements: readonly string[], refused: readonly RefusedDatabase[]): string | undefined {
  if (refused.length === 0) return undefined;
  const named = refused.slice(0, MAX_NAMED).map(({ id, refusal }) => `${id} (${refusal.message})`);
  const more =
    refused.length > MAX_NAMED ? `; and ${refused.length - MAX_NAMED} more: "postgate doctor" lists them` : "";
  const setting = settingToAllow(
    elements,
    refused.map(({ refusal }) => refusal),
  );
  const remedy = setting === undefined ? "" : `; if these rows are yours, set ${setting}`;
  return `dedicated databases that are not served, because their rows name servers that are not allowed: ${named.join("; ")}${more}${remedy}`;
}
