// Takes PUBLIC's rights away, as far as no tenant needs them: the wall behind the judge. In charge of when that is done, of who
// keeps what PUBLIC had, and of writing down what was taken, so that unlock() can give it back.

import type { ClientBase } from "pg";
import { withLockedTransaction, withTransaction } from "../postgres/locked-transaction.ts";
import type { InstallationRoles } from "../tenants/role-names.ts";
import { HOLDS_ONLY_POSTGATE } from "./own-database.ts";
import { planLockdown, type PublicRight } from "./plan-lockdown.ts";
import { planStandIn } from "./plan-stand-in.ts";
import { addToRecord, forgetRecord, loadRecord, readWish, rememberWish } from "./lockdown-record.ts";

export interface LockdownState {
  /**
   * `unasked`: the database holds more than Postgate's, and the operator has not said that it may be locked down.
   * `unlocked`: the operator has said that it may not.
   */
  readonly kind: "locked" | "unasked" | "unlocked";
  /** Rights of PUBLIC that stay because only a superuser can take them away. */
  readonly beyond: number;
}

export interface Lockdown {
  /** What was done, or would be, in this order. */
  readonly statements: readonly string[];
  /** What the statements take from PUBLIC. */
  readonly taken: readonly PublicRight[];
  /** What PUBLIC keeps, because only a superuser can take it away. */
  readonly beyond: readonly PublicRight[];
}

/**
 * Done by itself at each start: locks down a database that holds nothing but Postgate's, or that the operator wants locked,
 * also what an upgrade brought since. Takes no lock and changes nothing when nothing is missing.
 */
export async function keepLockdown(client: ClientBase, roles: InstallationRoles): Promise<LockdownState> {
  const kind = await withTransaction(client, () => readState(client));
  if (kind !== "locked") return { kind, beyond: 0 };
  const plan = (): Promise<Lockdown> => planAll(client, roles, { admitsOthers: false });
  const found = await withTransaction(client, plan);
  if (found.statements.length > 0) await withLockedTransaction(client, async () => apply(client, await plan()));
  return { kind, beyond: found.beyond.length };
}

/** Done when the operator says so: whoever else uses this server keeps what PUBLIC had in this database. */
export async function lockDown(client: ClientBase, roles: InstallationRoles): Promise<Lockdown> {
  return withLockedTransaction(client, async () => {
    const lockdown = await planAll(client, roles, { admitsOthers: true });
    await apply(client, lockdown);
    await rememberWish(client, "locked");
    return lockdown;
  });
}

/** What lockDown() would do. */
export async function rehearseLockdown(client: ClientBase, roles: InstallationRoles): Promise<Lockdown> {
  return withTransaction(client, () => planAll(client, roles, { admitsOthers: true }));
}

/** Gives PUBLIC back what was taken, and keeps it from being taken again. Gives the statements that did it. */
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

async function readState(client: ClientBase): Promise<LockdownState["kind"]> {
  const wish = await readWish(client);
  if (wish !== undefined) return wish;
  const { rows } = await client.query<{ is_own: boolean }>(`select ${HOLDS_ONLY_POSTGATE} as is_own`);
  return rows[0]?.is_own === true ? "locked" : "unasked";
}

interface PlanOptions {
  /** Every other role of the server keeps what PUBLIC had. */
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

/** One statement takes many objects. */
function toStatements(verb: "grant" | "revoke", rights: readonly PublicRight[], role: string): string[] {
  const objects = new Map<string, string[]>();
  for (const { kind, object, privileges } of rights) {
    const key = `${verb} ${privileges} on ${kind} `;
    objects.set(key, [...(objects.get(key) ?? []), object]);
  }
  return [...objects].map(([key, names]) => `${key}${names.join(", ")} ${verb === "grant" ? "to" : "from"} ${role}`);
}

/** One line for whoever starts the gateway; undefined when the wall stands. */
export function describeLockdown({ kind, beyond }: LockdownState): string | undefined {
  if (kind === "unlocked")
    return `PUBLIC has its rights back, so a wall between tenants is weaker: see "postgate doctor"`;
  if (kind === "unasked")
    return 'PUBLIC keeps its rights in this database, because it holds more than Postgate\'s, so a wall between tenants is weaker: run "postgate lockdown" to take them away';
  if (beyond === 0) return undefined;
  return `only a superuser can take ${beyond} rights from PUBLIC, so a wall between tenants is weaker: see "postgate doctor"`;
}
