// Ensures that only one process at a time owns a data folder. Other processes learn which process owns it and where its server
// listens. A lock ends with its process, even after `kill -9`.
//
// Each lock is a file `lock.<n>`, and the highest n counts. The owner of a lock never deletes it but marks it as released. A process
// that finds the highest lock dead or released may create n + 1. Creation is exclusive, so one process out of many succeeds, and a
// process that misreads a lock cannot take it away. A process that then finds a still higher lock deletes its own and tries again.

import { randomBytes } from "node:crypto";
import { link, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hasErrorCode } from "./has-error-code.ts";
import { findProcessStart } from "./process-start.ts";

/** A server holds the folder until it is stopped; a command releases it when its work is done. */
export type LockRole = "server" | "command";

export interface LockHolder {
  readonly pid: number;
  /** When the process started. It is needed because another process may have the same pid by now. */
  readonly processStart: string;
  readonly role: LockRole;
  /** The socket folder of the holder's PostgreSQL; undefined until that server accepts connections. */
  readonly socketFolder?: string;
}

export interface FolderLock {
  /** Tells other processes that PostgreSQL accepts connections. */
  publish(socketFolder: string): Promise<void>;
  release(): Promise<void>;
}

const LOCK_NAME = /^lock\.(\d+)$/;
const RELEASED = "released";

/** Returns the lock, or its present holder when another process has it. */
export async function tryLock(folder: string, role: LockRole): Promise<FolderLock | LockHolder> {
  const holder = { pid: process.pid, processStart: (await findProcessStart(process.pid)) ?? "", role };
  for (;;) {
    const latest = await findLatest(folder);
    const other = await findHolder(folder, latest);
    if (other !== undefined) return other;
    const mine = latest + 1;
    if (!(await createExclusively(folder, mine, holder))) continue;
    if ((await findLatest(folder)) === mine) {
      await removeBelow(folder, mine);
      return toLock(folder, mine, holder);
    }
    await rm(lockFile(folder, mine), { force: true });
  }
}

/** Tells whether a file name belongs to a lock. Such a file shows that Postgate has used the folder. */
export function isLockName(name: string): boolean {
  return name.startsWith("lock.");
}

async function findLatest(folder: string): Promise<number> {
  return Math.max(0, ...numbersIn(await readdir(folder)));
}

function numbersIn(names: readonly string[]): readonly number[] {
  return names
    .map((name) => LOCK_NAME.exec(name)?.[1])
    .filter((number) => number !== undefined)
    .map(Number);
}

async function findHolder(folder: string, number: number): Promise<LockHolder | undefined> {
  let text: string;
  try {
    text = await readFile(lockFile(folder, number), "utf8");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined; // No lock exists yet, or a higher one has just replaced it.
    throw error;
  }
  const holder = text === RELEASED ? undefined : parseHolder(text);
  if (holder === undefined) return undefined;
  return (await findProcessStart(holder.pid)) === holder.processStart ? holder : undefined;
}

/** Returns undefined for a text that a loss of power left incomplete, because its writer ended at the same moment. */
function parseHolder(text: string): LockHolder | undefined {
  try {
    return JSON.parse(text) as LockHolder;
  } catch {
    return undefined;
  }
}

/** Creates the lock file as a link to a complete draft, so that the file appears with its whole content or not at all. */
async function createExclusively(folder: string, number: number, holder: LockHolder): Promise<boolean> {
  const draft = await writeDraft(folder, JSON.stringify(holder));
  try {
    await link(draft, lockFile(folder, number));
    return true;
  } catch (error) {
    if (hasErrorCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

function toLock(folder: string, number: number, holder: LockHolder): FolderLock {
  const write = async (text: string): Promise<void> => rename(await writeDraft(folder, text), lockFile(folder, number));
  return {
    publish: (socketFolder) => write(JSON.stringify({ ...holder, socketFolder })),
    release: () => write(RELEASED),
  };
}

async function writeDraft(folder: string, text: string): Promise<string> {
  const draft = join(folder, `lock.draft-${randomBytes(6).toString("hex")}`);
  await writeFile(draft, text, { mode: 0o644, flush: true });
  return draft;
}

async function removeBelow(folder: string, number: number): Promise<void> {
  const older = numbersIn(await readdir(folder)).filter((candidate) => candidate < number);
  await Promise.all(older.map((candidate) => rm(lockFile(folder, candidate), { force: true })));
}

function lockFile(folder: string, number: number): string {
  return join(folder, `lock.${number}`);
}
