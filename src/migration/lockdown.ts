// Takes those rights from PUBLIC that no tenant needs: the wall behind the judge. This file decides when that is done and who
// keeps the rights that PUBLIC had, and it records the rights that were taken, so that unlock() can grant them again.

import type { ClientBase } from "pg";
import { withLockedTransaction, withTransaction } from "../postgres/locked-transaction.ts";
import type { InstallationRoles } from "../tenants/role-names.ts";
import { HOLDS_ONLY_POSTGATE } from "./own-database.ts";
import { findLoginsThroughPublic } from "./logins-through-public.ts";
import { planLockdown, type PublicRight } from "./plan-lockdown.ts";
import { planStandIn } from "./plan-stand-in.ts";
import { addToRecord, forgetRecord, loadRecord, readWish, rememberWish } from "./lockdown-record.ts";

/** The number of logins that the warning names. */
const MAX_NAMES = 10;

export interface LockdownState {
  /**
   * `unasked`: the database holds more than Postgate's objects, and the operator has not allowed a lock-down.
   * `relied-on`: other logins of the server would lose CONNECT, and the operator has not allowed a lock-down.
   * `unlocked`: the operator has forbidden a lock-down.
   */
  readonly kind: "locked" | "unasked" | "relied-on" | "unlocked";
  /** Number of rights that PUBLIC keeps, because only a superuser can take them away. */
  readonly beyond: number;
  /** The logins that would lose CONNECT. It is set only for `relied-on`. */
  readonly logins?: readonly string[];
}

export interface Lockdown {
  /** The statements that were run, or would be run, in this order. */
  readonly statements: readonly string[];
  /** The rights that the statements take from PUBLIC. */
  readonly taken: readonly PublicRight[];
  /** The rights that PUBLIC keeps, because only a superuser can take them away. */
  readonly beyond: readonly PublicRight[];
}

/**
 * Locks the database down if it holds only Postgate's objects and no other login would lose CONNECT, or if the operator wants
 * that. Each start calls it, so it also covers objects that an upgrade has added. Takes no lock and changes nothing when nothing
 * is missing.
 */
export async function keepLockdown(client: ClientBase, roles: InstallationRoles): Promise<LockdownState> {
  const state = await withTransaction(client, () => readState(client, roles));
  if (state.kind !== "locked") return state;
  const plan = (): Promise<Lockdown> => planAll(client, roles, { admitsOthers: false });
  const found = await withTransaction(client, plan);
  if (found.statements.length > 0) await withLockedTransaction(client, async () => apply(client, await plan()));
  return { kind: "locked", beyond: found.beyond.length };
}

/** Locks the database down at the operator's command. All other roles of the server keep the rights that PUBLIC had in this database. */
export async function lockDown(client: ClientBase, roles: InstallationRoles): Promise<Lockdown> {
  return withLockedTransaction(client, async () => {
    const lockdown = await planAll(client, roles, { admitsOthers: true });
    await apply(client, lockdown);
    await rememberWish(client, "locked");
    return lockdown;
  });
}

/** Returns what lockDown() would do, and changes nothing. */
export async function rehearseLockdown(client: ClientBase, roles: InstallationRoles): Promise<Lockdown> {
  return withTransaction(client, () => planAll(client, roles, { admitsOthers: true }));
}

/** Grants PUBLIC the rights that were taken, and keeps later starts from taking them again. Returns the statements that were run. */
export async function unlock(client: ClientBase, roles: InstallationRoles): Promise<readonly string[]> {
  return withLockedTransaction(client, async () => {
    const statements = toStatements("grant", await loadRecord(client), "public");
    const { rows } = await client.query("select from pg_roles where rolname = $1", [roles.formerPublic]);
    if (rows.length > 0) statements.push(`drop owned by ${roles.formerPublic}`, `drop role ${roles.formerPublic}`);
    for (const statement of statements) await client.query(statement);
    await forgetRecord(client);
    await rememberWish(client, "unlocked");
    return statements;
  });
}

async function readState(client: ClientBase, roles: InstallationRoles): Promise<LockdownState> {
  const wish = await readWish(client);
  if (wish !== undefined) return { kind: wish, beyond: 0 };
  const { rows } = await client.query<{ is_own: boolean }>(`select ${HOLDS_ONLY_POSTGATE} as is_own`);
  if (rows[0]?.is_own !== true) return { kind: "unasked", beyond: 0 };
  const logins = await findLoginsThroughPublic(client, roles);
  return logins.length === 0 ? { kind: "locked", beyond: 0 } : { kind: "relied-on", beyond: 0, logins };
}

interface PlanOptions {
  /** True if every other role of the server keeps the rights that PUBLIC had. */
  readonly admitsOthers: boolean;
}

async function planAll(client: ClientBase, roles: InstallationRoles, options: PlanOptions): Promise<Lockdown> {
  const { revocable, beyond } = await planLockdown(client);
  const recorded = await loadRecord(client);
  const standIn = await planStandIn(client, { roles, ...options });
  const everything = [...recorded, ...revocable];
  const statements = [
    ...standIn.statements,
    ...toStatements("grant", standIn.isNew ? everything : revocable, roles.formerPublic),
    ...standIn.directGrantees.flatMap((grantee) => toStatements("grant", everything, grantee)),
    ...toStatements("revoke", revocable, "public"),
  ];
  return { statements, taken: revocable, beyond };
}

async function apply(client: ClientBase, { statements, taken }: Lockdown): Promise<void> {
  for (const statement of statements) await client.query(statement);
  await addToRecord(client, taken);
}

/** Returns one statement for all objects of a kind that have the same privileges. */
function toStatements(verb: "grant" | "revoke", rights: readonly PublicRight[], role: string): string[] {
  const objects = new Map<string, string[]>();
  for (const { kind, object, privileges } of rights) {
    const key = `${verb} ${privileges} on ${kind} `;
    objects.set(key, [...(objects.get(key) ?? []), object]);
  }
  return [...objects].map(([key, names]) => `${key}${names.join(", ")} ${verb === "grant" ? "to" : "from"} ${role}`);
}

/** Returns one line for the operator who starts the gateway, or undefined when the lock-down is complete. */
export function describeLockdown({ kind, beyond, logins = [] }: LockdownState): string | undefined {
  if (kind === "unlocked")
    return `PUBLIC has its rights back, so a wall between tenants is weaker: see "postgate doctor"`;
  if (kind === "unasked")
    return 'PUBLIC keeps its rights in this database, because it holds more than Postgate\'s, so a wall between tenants is weaker: run "postgate lockdown" to take them away';
  if (kind === "relied-on")
    return `PUBLIC keeps its rights in this database, because other logins would lose CONNECT (${listNames(logins)}), so a wall between tenants is weaker: run "postgate lockdown" to take the rights away and let these logins keep what they have`;
  if (beyond === 0) return undefined;
  return `only a superuser can take ${beyond} rights from PUBLIC, so a wall between tenants is weaker: see "postgate doctor"`;
}

/** Quotes the names as JSON does, so that a name with a line break adds no line to the log. */
function listNames(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).map((name) => JSON.stringify(name));
  const hidden = names.length - shown.length;
  return shown.join(", ") + (hidden === 0 ? "" : ` and ${hidden} more`);
}
