// Remembers what the judge said of a text. Only the kind of database and the text decide that, so only they are the key:
// permissions are checked on the remembered facts at every request. Bounded by entries and by bytes.

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
  /** For those who watch; texts that were looked for and found, or not, since the start. */
  readonly usage: () => { readonly entries: number; readonly hits: number; readonly misses: number };
}

const MAX_ENTRIES = 20_000;
const MAX_BYTES = 32 * 1024 * 1024;
/** A long text is hardly ever sent twice, and would push many short ones out. */
const MAX_ENTRY_BYTES = 64 * 1024;
/** What an entry weighs besides its text, roughly: facts, error, the map's own parts. */
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

/** The kind has no colon: no text of one kind can look like a key of the other. */
function keyOf(kind: PolicyRules["kind"], sql: string): string {
  return `${kind}:${sql}`;
}
