// Remembers principals for a moment, so that a busy token costs no look-up per request.

import { LRUCache } from "lru-cache";
import type { Principal } from "./principal.ts";
import type { TokenHash } from "./token.ts";

/** A change of a token's rights must show within one second, the look-up's own time included. */
const TTL_MS = 500;
const MAX_PRINCIPALS = 10_000;

/** Milliseconds that only go forward. */
export interface Clock {
  readonly now: () => number;
}

export type LoadPrincipal = (hash: TokenHash) => Promise<Principal | undefined>;

/**
 * `load`, with one look-up at a time per token and its answer kept for 500 ms.
 *
 * A failed look-up is not remembered. An unknown token is not either: unknown ones could push the known ones out.
 */
export function cachePrincipals(load: LoadPrincipal, clock: Clock = globalThis.performance): LoadPrincipal {
  const cached = new LRUCache<TokenHash, Principal>({ max: MAX_PRINCIPALS, perf: clock });
  const loading = new Map<TokenHash, Promise<Principal | undefined>>();

  async function loadOnce(hash: TokenHash): Promise<Principal | undefined> {
    const askedAt = clock.now();
    try {
      const principal = await load(hash);
      // Counted from when the question was asked: the answer is as old as that.
      const ttl = TTL_MS - (clock.now() - askedAt);
      if (principal !== undefined && ttl > 0) cached.set(hash, principal, { ttl });
      return principal;
    } finally {
      loading.delete(hash);
    }
  }

  return (hash) => {
    const known = cached.get(hash);
    if (known !== undefined) return Promise.resolve(known);
    const underway = loading.get(hash);
    if (underway !== undefined) return underway;
    const started = loadOnce(hash);
    loading.set(hash, started);
    return started;
  };
}
