// Finds, reads and checksums the files in migrations/. It uses no database.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";

export interface Migration {
  readonly version: number;
  /** The file's name without `.sql`, e.g. `0001_metadata`. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file in hexadecimal digits. */
  readonly checksum: string;
}

/** The folder lies beside src/ and beside dist/, so the same relative path works from both. */
const FOLDER = new URL("../../migrations/", import.meta.url);

/** Returns the migrations in the order in which they are applied. */
export async function loadMigrations(): Promise<readonly Migration[]> {
  const names = (await readdir(FOLDER)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).sort();
  return Promise.all(names.map(loadMigration));
}

async function loadMigration(file: string): Promise<Migration> {
  // A checkout with Windows line ends has the same checksum.
  const sql = (await readFile(new URL(file, FOLDER), "utf8")).replaceAll("\r\n", "\n");
  const checksum = createHash("sha256").update(sql).digest("hex");
  return { version: Number(file.slice(0, 4)), name: file.slice(0, -".sql".length), sql, checksum };
}
