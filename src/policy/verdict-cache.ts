// Remembers the judge's verdict on a text. Only the kind of database and the text decide the verdict, so they are the key. The permissions
// of a token are checked against the remembered facts at every request. The cache is bounded by entries and by bytes.

import { LRUCache } from "lru-cache";

import type { GatewayError } from "../base/errors.ts";
import type { StatementFacts } from "./approved-statement.ts";
import type { PolicyRules } from "./policy-rules.ts";

type Verdict =
  | { readonly kind: "allowed"; readonly facts: StatementFacts }
  | { readonly kind: "refused"; readonly error: GatewayError };

export interface VerdictCache {
  readonly find: (kind: PolicyRules["kind"], sql: string) => Verdict | undefined;
  readonly remember: (kind: PolicyRules["kind"], sql: string, verdict: Verdict) => void;
  /** Counts for metrics. Hits and misses are the texts that were found and not found since the start. */
  readonly usage: () => { readonly entries: number; readonly hits: number; readonly misses: number };
}

const MAX_ENTRIES = 20_000;
const MAX_BYTES = 32 * 1024 * 1024;
/** A longer entry is not remembered: a long text is hardly ever sent twice, and would push many short ones out. */
const MAX_ENTRY_BYTES = 64 * 1024;
/** Rough size of an entry without its text: the facts or the error, and the map's own parts. */
const ENTRY_OVERHEAD_BYTES = 1_024;

export function createVerdictCache(): VerdictCache {
  const cache = new LRUCache<string, Verdict>({
    max: MAX_ENTRIES,
    maxSize: MAX_BYTES,
    maxEntrySize: MAX_ENTRY_BYTES,
    sizeCalculation: (_, key) => key.length * 2 + ENTRY_OVERHEAD_BYTES,
  });
  let hits = 0;
  let misses = 0;
  return {
    find(kind, sql) {
      const verdict = cache.get(keyOf(kind, sql));
      if (verdict === undefined) misses += 1;
      else hits += 1;
      return verdict;
    },
    remember: (kind, sql, verdict) => void cache.set(keyOf(kind, sql), verdict),
    usage: () => ({ entries: cache.size, hits, misses }),
  };
}

/** Returns the key of a text. No kind has a colon in its name, so a text of one kind never has the key of a text of the other. */
function keyOf(kind: PolicyRules["kind"], sql: string): string {
  return `${kind}:${sql}`;
}
