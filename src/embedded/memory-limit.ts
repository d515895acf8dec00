// How much memory one process of the embedded server may have for itself. What the processes share (shared_buffers) is apart.

import { totalmem } from "node:os";

const MB = 1024 * 1024;
/** Eight statements at once, each at its limit, take half of the machine's memory. */
const SHARE_OF_MACHINE = 16;
/** More is seldom of use to a statement: an answer has at most 64 MB, and sorts go to files. */
const MOST_MB = 1_024;
/** PostgreSQL's own processes have the same limit, and index builds and vacuum need some of it. */
const LEAST_MB = 64;

/** The limit for a machine, or for a container with a limit of its own. */
export function defaultMemoryMb(machineBytes = Math.min(totalmem(), containerBytes())): number {
  return Math.min(MOST_MB, Math.max(LEAST_MB, Math.floor(machineBytes / MB / SHARE_OF_MACHINE)));
}

/** PostgreSQL's default of 64 MB for vacuum and index builds, or less where that would not fit below the limit. */
export function maintenanceMemoryMb(memoryMb: number): number {
  return Math.min(64, Math.floor(memoryMb / 4));
}

/** Node gives 0 or a number beyond any memory where there is no limit. */
function containerBytes(): number {
  return process.constrainedMemory() || Number.POSITIVE_INFINITY;
}
