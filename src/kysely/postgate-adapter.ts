// Tells Kysely's Migrator what the database can do, and implements the Migrator's lock. Advisory locks need a session, so the lock is
// the row that Kysely creates for databases without them: the client that changes it from 0 to 1 holds the lock.

import { type Kysely, type MigrationLockOptions, PostgresAdapter } from "kysely";

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- Kysely's own signature
type Database = Kysely<any>;

const RETRY_MS = 200;

export class PostgateAdapter extends PostgresAdapter {
  readonly #lockTimeoutMs: number;
  /** The databases whose lock was acquired. Kysely also releases a lock that it could not acquire. */
  readonly #holders = new WeakSet<Database>();

  constructor(lockTimeoutMs: number) {
    super();
    this.#lockTimeoutMs = lockTimeoutMs;
  }

  /** False, because a migration is many requests, although PostgreSQL's DDL is transactional. */
  override get supportsTransactionalDdl(): boolean {
    return false;
  }

  /** @throws Error when another client holds the lock for longer than the timeout. */
  override async acquireMigrationLock(db: Database, options: MigrationLockOptions): Promise<void> {
    const deadline = Date.now() + this.#lockTimeoutMs;
    while (!(await changeLock(db, options, { from: 0, to: 1 }))) {
      if (Date.now() >= deadline) throw lockIsHeld(options);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    this.#holders.add(db);
  }

  override async releaseMigrationLock(db: Database, options: MigrationLockOptions): Promise<void> {
    if (this.#holders.delete(db)) await changeLock(db, options, { from: 1, to: 0 });
  }
}

/** Changes the lock. Returns false if its row was not in the expected state. */
async function changeLock(
  db: Database,
  { lockTable, lockRowId }: MigrationLockOptions,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable(lockTable)
    .set({ is_locked: to })
    .where("id", "=", lockRowId)
    .where("is_locked", "=", from)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

function lockIsHeld({ lockTable, lockRowId }: MigrationLockOptions): Error {
  return new Error(
    `Another migration holds the lock. If it ended without giving it back: UPDATE "${lockTable}" SET is_locked = 0 WHERE id = '${lockRowId}'`,
  );
}
