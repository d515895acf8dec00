// The files in migrations/: found, read, checksummed. In charge of their form; it knows no database.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";

export interface Migration {
  readonly version: number;
  /** The file's name without `.sql`, e.g. `0001_metadata`. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 in hex. */
  readonly checksum: string;
}

/** Beside src/ and dist/ alike. */
const FOLDER = new URL("../../migrations/", import.meta.url);

/** In the order in which they are applied. */
export async function loadMigrations(): Promise<readonly Migration[]> {
  const names = (await readdir(FOLDER)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).sort();
  return Promise.all(names.map(loadMigration));
}

async function loadMigration(file: string): Promise<Migration> {
  // A checkout with other line ends is the same migration.
  const sql = (await readFile(new URL(file, FOLDER), "utf8")).replaceAll("\r\n", "\n");
  const checksum = createHash("sha256").update(sql).digest("hex");
  return { version: Number(file.slice(0, 4)), name: file.slice(0, -".sql".length), sql, checksum };
}
