import { join } from "node:path";
import { replaceFile } from "../../src/embedded/replace-file.ts";
import type { ServerUser } from "../../src/embedded/server-user.ts";

/** Makes a test's server admit everybody who can reach its socket. A new data folder admits nobody. */
export async function trustEverybody(dataFolder: string, user: ServerUser | undefined): Promise<void> {
  const rules = "local all all trust\nlocal replication all trust\n";
  await replaceFile(join(dataFolder, "pg_hba.conf"), rules, user);
}
