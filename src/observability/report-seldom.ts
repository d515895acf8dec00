import type { Clock } from "../base/clock.ts";
import type { Observe } from "./observation.ts";

/** What fails again and again says so once a minute. */
const INTERVAL_MS = 60_000;

/** Observes failures of this task in the background, the first and then one a minute. */
export function reportSeldom(observe: Observe, task: string, clock: Clock = performance): (cause: unknown) => void {
  let reportedAt = Number.NEGATIVE_INFINITY;
  return (cause) => {
    if (clock.now() - reportedAt < INTERVAL_MS) return;
    reportedAt = clock.now();
    observe({ kind: "background-failure", task, cause });
  };
}
