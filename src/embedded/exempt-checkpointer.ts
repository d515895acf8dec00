// Lifts the memory limit of one process, the checkpointer. It remembers each file that was written or dropped since the last
// checkpoint. A tenant that truncates its tables creates many such files, and a checkpointer that runs out of memory restarts the
// whole server (PANIC).

import { spawnSync } from "node:child_process";
import type { ClientBase } from "pg";
import { idsOf, type ServerUser } from "./server-user.ts";

const CHECKPOINTER_SQL = "select pid from pg_catalog.pg_stat_activity where backend_type = 'checkpointer'";

/**
 * Runs `prlimit` as the server's user, because a user may raise the soft limit of its own processes, while root in a container often
 * may not. The limit stays where util-linux's `prlimit` is missing.
 */
export async function exemptCheckpointer(client: ClientBase, user: ServerUser | undefined): Promise<void> {
  const { rows } = await client.query<{ pid: number }>(CHECKPOINTER_SQL);
  for (const { pid } of rows)
    spawnSync("prlimit", ["--pid", String(pid), "--data=unlimited:"], { cwd: "/", stdio: "ignore", ...idsOf(user) });
}
