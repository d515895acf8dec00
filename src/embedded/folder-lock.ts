// Sees to it that one process at a time owns a data folder, and tells the others who that is and where its server listens.
// A lock dies with its process, `kill -9` included.
//
// Each lock is a file `lock.<n>`, and the highest n counts. A lock is never deleted by its owner, only marked as released,
// and who finds the highest one dead or released may create n + 1: creating is exclusive, so of many that try one
// succeeds, and nobody can take away a lock that he misread. Who comes so late that a higher one is there yields.

import { randomBytes } from "node:crypto";
import { link, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hasErrorCode } from "./has-error-code.ts";
import { findProcessStart } from "./process-start.ts";

/** A server keeps the folder until it is stopped; a command gives it back when its work is done. */
export type LockRole = "server" | "command";

export interface LockHolder {
  readonly pid: number;
  /** When the process started: its pid may be another's by now. */
  readonly processStart: string;
  readonly role: LockRole;
  /** Where the holder's PostgreSQL takes connections, once it does. */
  readonly socketFolder?: string;
}

export interface FolderLock {
  /** Lets others know that PostgreSQL takes connections. */
  publish(socketFolder: string): Promise<void>;
  release(): Promise<void>;
}

const LOCK_NAME = /^lock\.(\d+)$/;
const RELEASED = "released";

/** The lock, or who has it. */
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

/** Whether a name in a folder is a lock's, by which a folder of ours is recognised. */
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
    if (hasErrorCode(error, "ENOENT")) return undefined; // None yet, or just removed in favour of a higher one.
    throw error;
  }
  const holder = text === RELEASED ? undefined : parseHolder(text);
  if (holder === undefined) return undefined;
  return (await findProcessStart(holder.pid)) === holder.processStart ? holder : undefined;
}

/** Undefined for a text that a loss of power left incomplete: whoever wrote it has not survived it either. */
function parseHolder(text: string): LockHolder | undefined {
  try {
    return JSON.parse(text) as LockHolder;
  } catch {
    return undefined;
  }
}

/** A link is made at once, with its content, or not at all. */
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
