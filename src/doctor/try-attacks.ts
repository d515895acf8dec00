// Runs statements that a wall must stop, and reports the first one that it did not stop. All their effects are rolled back.

import { type ClientBase, DatabaseError } from "pg";

const INSUFFICIENT_PRIVILEGE = "42501";

export interface AttackOptions {
  /** SQL that sets the role and whatever else an attacker runs with. It must not end the transaction. */
  readonly prepare: string;
  readonly attacks: readonly string[];
}

/** Returns the first attack that was not refused, or undefined when all were. */
export async function findUnstopped(
  session: ClientBase,
  { prepare, attacks }: AttackOptions,
): Promise<string | undefined> {
  for (const attack of attacks) if (!(await isRefused(session, prepare, attack))) return attack;
  return undefined;
}

/**
 * Tells whether a wall stopped the attack, which means that a right was missing. A failure for any other reason does not count.
 * An attack is one statement, as the gateway sends it, so it cannot end the transaction or change the role first.
 */
async function isRefused(session: ClientBase, prepare: string, attack: string): Promise<boolean> {
  await session.query(`begin; set local statement_timeout = '5s'; ${prepare}`);
  try {
    await session.query(attack);
    return false;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return error.code === INSUFFICIENT_PRIVILEGE;
  } finally {
    await session.query("rollback");
  }
}
