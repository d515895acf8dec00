// Keeps `last_used_at` of tokens current without a write for each request: it collects uses and writes them in batches.

import { LRUCache } from "lru-cache";
import type { Observe } from "../observability/observation.ts";
import { reportSeldom } from "../observability/report-seldom.ts";
import type { Clock } from "../base/clock.ts";

/** The contract promises that a first use shows within 2 s, and later uses at least once a minute. */
const FLUSH_INTERVAL_MS = 1_000;
const REWRITE_INTERVAL_MS = 30_000;
/** Bounds memory. A token that falls out of the cache is only written once more than needed. */
const MAX_REMEMBERED_TOKENS = 100_000;

export interface LastUsedRecorder {
  /** @param tokenPrefix differs for each secret of a token, so the first use of a rotated secret is written at once. */
  record(tokenId: string, tokenPrefix: string): void;
  /** Writes the uses that are still pending, and stops. */
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
  // A standby in the place of the primary makes every write fail, once a second.
  const report = reportSeldom(observe, "recording the last use of tokens", clock);

  async function flush(): Promise<void> {
    if (pending.size === 0) return;
    const batch = [...pending].sort(); // Every instance uses the same order, so two batches cannot deadlock.
    pending.clear();
    try {
      await write(batch);
    } catch (cause) {
      for (const tokenId of batch) pending.add(tokenId); // The next flush tries them again.
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
