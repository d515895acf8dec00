import { open, rename, rm } from "node:fs/promises";
import type { ServerUser } from "./server-user.ts";

/**
 * Replaces a whole file, and lets only its owner read it. A reader sees either the old or the new text, even after a loss of power.
 * Only one process may do it at a time.
 */
export async function replaceFile(file: string, text: string, owner?: ServerUser): Promise<void> {
  const draft = `${file}.draft`;
  await rm(draft, { force: true }); // A killed start may have left a draft.
  const handle = await open(draft, "wx", 0o600); // `wx` fails on an existing link, so nothing is written through it.
  try {
    await handle.writeFile(text);
    if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}
