// Remembers principals for a moment, so that a busy token costs no look-up per request.

import { LRUCache } from "lru-cache";
import { GatewayError } from "../errors.ts";
import type { Principal } from "./principal.ts";
import type { TokenHash } from "./token.ts";

/** A change of a token's rights must show within one second, the look-up's own time included. */
const TTL_MS = 500;
const MAX_PRINCIPALS = 10_000;
/** Look-ups at one time of tokens that were not known lately, so that a flood of them leaves the known ones room. */
const MAX_STRANGERS = 500;

/** Milliseconds that only go forward. */
export interface Clock {
  readonly now: () => number;
}

export type LoadPrincipal = (hash: TokenHash) => Promise<Principal | undefined>;

export interface PrincipalCache {
  /** At once what is remembered. */
  readonly load: (hash: TokenHash) => Principal | ReturnType<LoadPrincipal>;
  /** For those who watch; a miss is a look-up that went out. */
  readonly usage: () => { readonly entries: number; readonly hits: number; readonly misses: number };
}

interface Known {
  readonly principal: Principal;
  readonly staleAt: number;
}

interface Loading {
  readonly askedAt: number;
  readonly answer: Promise<Principal | undefined>;
}

/**
 * `load`, with one look-up at a time per token and its answer kept for 500 ms.
 *
 * A failed look-up is not remembered. An unknown token is not either: unknown ones could push the known ones out.
 *
 * @throws (of what it gives) GatewayError UNAVAILABLE when too many tokens that were not known lately are being looked up.
 */
export function cachePrincipals(load: LoadPrincipal, clock: Clock = globalThis.performance): PrincipalCache {
  /** What is stale still tells that the token is no stranger. */
  const cached = new LRUCache<TokenHash, Known>({ max: MAX_PRINCIPALS });
  const loading = new Map<TokenHash, Loading>();
  const loadStranger = bounded(load);

  async function loadOnce(hash: TokenHash, askedAt: number): Promise<Principal | undefined> {
    const isStranger = !cached.has(hash);
    try {
      const principal = await (isStranger ? loadStranger(hash) : load(hash));
      // Counted from when the question was asked: the answer is as old as that.
      if (principal === undefined) cached.delete(hash);
      else cached.set(hash, { principal, staleAt: askedAt + TTL_MS });
      return principal;
    } finally {
      if (loading.get(hash)?.askedAt === askedAt) loading.delete(hash);
    }
  }

  let asked = 0;
  let misses = 0;
  function find(hash: TokenHash): Principal | Promise<Principal | undefined> {
    asked += 1;
    const known = cached.get(hash);
    const now = clock.now();
    if (known !== undefined && now < known.staleAt) return known.principal;
    const underway = loading.get(hash);
    if (underway !== undefined && now - underway.askedAt < TTL_MS) return underway.answer;
    misses += 1;
    const answer = loadOnce(hash, now);
    loading.set(hash, { askedAt: now, answer });
    return answer;
  }

  return { load: find, usage: () => ({ entries: cached.size, hits: asked - misses, misses }) };
}

function bounded(load: LoadPrincipal): LoadPrincipal {
  let count = 0;
  return async (hash) => {
    if (count >= MAX_STRANGERS)
      throw new GatewayError("UNAVAILABLE", "Too many tokens are being looked up; the statement was not run");
    count += 1;
    try {
      return await load(hash);
    } finally {
      count -= 1;
    }
  };
}
