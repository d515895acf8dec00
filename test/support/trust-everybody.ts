import { join } from "node:path";
import { replaceFile } from "../../src/embedded/replace-file.ts";
import type { ServerUser } from "../../src/embedded/server-user.ts";

/** Lets everybody into a test's server who can reach its socket; a new data folder lets nobody in. */
export async function trustEverybody(dataFolder: string, user: ServerUser | undefined): Promise<void> {
  const rules = "local all all trust\nlocal replication all trust\n";
  await replaceFile(join(dataFolder, "pg_hba.conf"), rules, user);
}
