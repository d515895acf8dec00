// Runs statements that a wall must stop, and says which one it did not. Whatever they do is rolled back.

import { type ClientBase, DatabaseError } from "pg";

const INSUFFICIENT_PRIVILEGE = "42501";

export interface AttackOptions {
  /** Sets the role, and what else an attacker runs with; ends nothing. */
  readonly prepare: string;
  readonly attacks: readonly string[];
}

/** The first of the attacks that was not refused; undefined when all were. */
export async function findUnstopped(
  session: ClientBase,
  { prepare, attacks }: AttackOptions,
): Promise<string | undefined> {
  for (const attack of attacks) if (!(await isRefused(session, prepare, attack))) return attack;
  return undefined;
}

/**
 * An attack that fails for another reason than a missing right was not stopped by a wall. One statement, as the gateway sends
 * it: none can end the transaction or change the role before.
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
