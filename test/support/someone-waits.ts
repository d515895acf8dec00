import type { TestDatabase } from "./cluster.ts";

/** Tells whether a statement in the database waits for a lock. */
export async function someoneWaits(database: TestDatabase): Promise<boolean> {
  const rows = await database.query(
    "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
  );
  return rows.length > 0;
}
