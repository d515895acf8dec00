// Computes how much memory one process of the embedded server may have for itself. Shared memory (shared_buffers) does not count.

import { totalmem } from "node:os";

const MB = 1024 * 1024;
/** With this divisor, eight simultaneous statements that all reach the limit take half of the machine's memory. */
const SHARE_OF_MACHINE = 16;
/** A statement seldom profits from more, because an answer has at most 64 MB and large sorts use files. */
const MOST_MB = 1_024;
/** PostgreSQL's own processes have the same limit, and index builds and vacuum need some of it. */
const LEAST_MB = 64;

/** Returns the limit in MB for the memory of the machine, or of the container when it has a smaller limit. */
export function defaultMemoryMb(machineBytes = Math.min(totalmem(), containerBytes())): number {
  return Math.min(MOST_MB, Math.max(LEAST_MB, Math.floor(machineBytes / MB / SHARE_OF_MACHINE)));
}

/** Returns maintenance_work_mem in MB: PostgreSQL's default of 64, or a quarter of the limit when that is less. */
export function maintenanceMemoryMb(memoryMb: number): number {
  return Math.min(64, Math.floor(memoryMb / 4));
}

/** Returns the container's limit. Without one, Node returns 0 or a number larger than any memory. */
function containerBytes(): number {
  return process.constrainedMemory() || Number.POSITIVE_INFINITY;
}
