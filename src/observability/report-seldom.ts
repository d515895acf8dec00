import type { Clock } from "../base/clock.ts";
import type { Observe } from "./observation.ts";

/** Minimum time between two reports of a failure that repeats. */
const INTERVAL_MS = 60_000;

/** Returns a function that reports failures of a background task: the first one, and then at most one a minute. */
export function reportSeldom(observe: Observe, task: string, clock: Clock = performance): (cause: unknown) => void {
  let reportedAt = Number.NEGATIVE_INFINITY;
  return (cause) => {
    if (clock.now() - reportedAt < INTERVAL_MS) return;
    reportedAt = clock.now();
    observe({ kind: "background-failure", task, cause });
  };
}
