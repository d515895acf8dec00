// Keeps `last_used_at` of tokens current without a write per request: uses are collected and written in batches.

import { LRUCache } from "lru-cache";
import type { Observe } from "../observability/observation.ts";
import { reportSeldom } from "../observability/report-seldom.ts";
import type { Clock } from "../base/clock.ts";

/** The contract: a first use shows within 2 s, later ones at least once a minute. */
const FLUSH_INTERVAL_MS = 1_000;
const REWRITE_INTERVAL_MS = 30_000;
/** Bounds memory only: a token that falls out is written once more than needed. */
const MAX_REMEMBERED_TOKENS = 100_000;

export interface LastUsedRecorder {
  /** @param tokenPrefix tells a token's secrets apart: the first use of a new one is written at once. */
  record(tokenId: string, tokenPrefix: string): void;
  /** Writes what is still pending and stops. */
  close(): Promise<void>;
}

export interface LastUsedRecorderOptions {
  /** Sets `last_used_at` of these tokens to now, in one statement. */
  readonly write: (tokenIds: readonly string[]) => Promise<void>;
  readonly observe: Observe;
  readonly clock?: Clock;
}

export function createLastUsedRecorder(options: LastUsedRecorderOptions): LastUsedRecorder {
  const { write, observe, clock = performance } = options;
  const recentlyWritten = new LRUCache<string, true>({
    max: MAX_REMEMBERED_TOKENS,
    ttl: REWRITE_INTERVAL_MS,
    perf: clock,
  });
  const pending = new Set<string>();
  let flushing: Promise<void> = Promise.resolve();
  // A standby in the primary's place fails every second for as long as it is there.
  const report = reportSeldom(observe, "recording the last use of tokens", clock);

  async function flush(): Promise<void> {
    if (pending.size === 0) return;
    const batch = [...pending].sort(); // One order on every instance: two batches cannot deadlock.
    pending.clear();
    try {
      await write(batch);
    } catch (cause) {
      for (const tokenId of batch) pending.add(tokenId); // Kept for the next round.
      report(cause);
    }
  }

  const timer = setInterval(() => {
    flushing = flushing.then(flush);
  }, FLUSH_INTERVAL_MS);
  timer.unref();

  return {
    record(tokenId, tokenPrefix) {
      const secret = `${tokenId} ${tokenPrefix}`;
      if (recentlyWritten.has(secret)) return;
      recentlyWritten.set(secret, true);
      pending.add(tokenId);
    },
    async close() {
      clearInterval(timer);
      await flushing;
      await flush();
    },
  };
}
