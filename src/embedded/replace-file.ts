import { open, rename, rm } from "node:fs/promises";
import type { ServerUser } from "./server-user.ts";

/**
 * Replaces a file as a whole, readable for its owner alone: whoever reads it, also after a loss of power, sees the old text or the
 * new one. Only one process may do it at a time.
 */
export async function replaceFile(file: string, text: string, owner?: ServerUser): Promise<void> {
  const draft = `${file}.draft`;
  await rm(draft, { force: true }); // A start that was killed may have left it.
  const handle = await open(draft, "wx", 0o600); // Exclusive, so that nothing is written through somebody's link.
  try {
    await handle.writeFile(text);
    if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}
