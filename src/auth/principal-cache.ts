// Remembers principals, so that a token costs a look-up when it is new or has changed, and not at each request.
//
// A remembered principal is in one of three states:
//
//   fresh         looked up or revalidated less than 500 ms ago         → it is used at once
//   revalidating  covered, but last revalidated over 500 ms ago         → it waits for the question that is under way
//   stale         changed, not covered, expired, or older than 25 s     → it is looked up again
//
//   look-up ─▶ fresh ─▶ revalidating ─▶ fresh ─▶ … ─▶ stale ─▶ look-up
//
// rights-ages.ts has the times. rights-revalidation.ts asks the question, and says which principals are covered.

import { LRUCache } from "lru-cache";
import { GatewayError } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import type { Principal } from "./principal.ts";
import { MAX_RIGHTS_AGE_MS, RIGHTS_TTL_MS } from "./rights-ages.ts";
import type { FindRightsChanges } from "./rights-changes.ts";
import { createRightsRevalidation, type Revalidatable, type RightsRevalidation } from "./rights-revalidation.ts";
import type { TokenHash } from "./token.ts";

const MAX_PRINCIPALS = 20_000;
/** Maximum number of look-ups at one time for tokens that are not remembered, so that a flood of them leaves room for known tokens. */
const MAX_UNCACHED_LOOKUPS = 500;

export interface FoundPrincipal {
  readonly principal: Principal;
  /** Time from the look-up until the token expires. Infinity if it does not expire. */
  readonly expiresInMs: number;
  /**
   * The server that answered, in the form of RightsChanges. Undefined where changes are not recorded, and when a standby
   * answered.
   */
  readonly server: string | undefined;
}

export type LoadPrincipal = (hash: TokenHash) => Promise<FoundPrincipal | undefined>;

export interface PrincipalCache {
  /** Returns a fresh principal at once, and a promise otherwise. */
  readonly load: (hash: TokenHash) => Principal | Promise<Principal | undefined>;
  /** Counts for metrics. A miss is a look-up that was sent. */
  readonly usage: () => { readonly entries: number; readonly hits: number; readonly misses: number };
}

export interface PrincipalCacheOptions {
  readonly load: LoadPrincipal;
  /** Undefined where changes are not recorded. Each token is then looked up again after 500 ms. */
  readonly findChanges: FindRightsChanges | undefined;
  readonly clock?: Clock;
}

type State = "fresh" | "revalidating" | "stale";

interface Remembered extends Revalidatable {
  /** When the look-up was sent. The answer is as old as that. */
  readonly askedAt: number;
  /** When the token expires, or the rights reach their maximum age. */
  readonly outdatedAt: number;
}

interface LookUp {
  readonly askedAt: number;
  readonly answer: Promise<Principal | undefined>;
}

/**
 * Wraps `load` in a cache with at most one look-up at a time for each token.
 *
 * A failed look-up is not remembered. An unknown token is not remembered either, because unknown tokens could push known ones out.
 *
 * @throws (in the returned promise) GatewayError UNAVAILABLE when too many tokens that are not remembered are being looked up.
 */
export function cachePrincipals({ load, findChanges, clock = performance }: PrincipalCacheOptions): PrincipalCache {
  /** Stale entries stay: they show that a token is known. */
  const remembered = new LRUCache<TokenHash, Remembered>({ max: MAX_PRINCIPALS });
  const revalidation = createRightsRevalidation({ remembered, findChanges, clock });
  const lookUps = createLookUps({ remembered, load, revalidation });
  let requests = 0;

  function stateOf({ isCovered, askedAt, outdatedAt }: Remembered, now: number): State {
    if (now >= outdatedAt) return "stale";
    const trueAt = isCovered ? Math.max(askedAt, revalidation.validatedAt) : askedAt;
    if (now < trueAt + RIGHTS_TTL_MS) return "fresh";
    return isCovered ? "revalidating" : "stale";
  }

  function findRevalidated(hash: TokenHash): Principal | Promise<Principal | undefined> {
    const known = remembered.get(hash);
    const now = clock.now();
    return known !== undefined && stateOf(known, now) === "fresh" ? known.principal : lookUps.find(hash, now);
  }

  function find(hash: TokenHash): Principal | Promise<Principal | undefined> {
    requests += 1;
    const known = remembered.get(hash);
    const now = clock.now();
    const revalidating = revalidation.begin(now);
    if (known === undefined) return lookUps.find(hash, now);
    const state = stateOf(known, now);
    if (state === "fresh") return known.principal;
    if (state === "revalidating" && revalidating !== undefined) return revalidating.then(() => findRevalidated(hash));
    return lookUps.find(hash, now);
  }

  const usage = (): ReturnType<PrincipalCache["usage"]> => ({
    entries: remembered.size,
    hits: requests - lookUps.count,
    misses: lookUps.count,
  });
  return { load: find, usage };
}

interface LookUpOptions {
  readonly remembered: LRUCache<TokenHash, Remembered>;
  readonly load: LoadPrincipal;
  readonly revalidation: RightsRevalidation;
}

interface LookUps {
  /** Number of look-ups that were sent. */
  readonly count: number;
  readonly find: (hash: TokenHash, now: number) => Promise<Principal | undefined>;
}

function createLookUps({ remembered, load, revalidation }: LookUpOptions): LookUps {
  const underway = new Map<TokenHash, LookUp>();
  const loadUncached = bounded(load);
  let count = 0;

  async function loadOnce(hash: TokenHash, askedAt: number): Promise<Principal | undefined> {
    try {
      const found = await (remembered.has(hash) ? load(hash) : loadUncached(hash));
      if (found === undefined) remembered.delete(hash);
      else remembered.set(hash, toRemembered(found, askedAt));
      return found?.principal;
    } finally {
      if (underway.get(hash)?.askedAt === askedAt) underway.delete(hash);
    }
  }

  const toRemembered = ({ principal, expiresInMs, server }: FoundPrincipal, askedAt: number): Remembered => ({
    principal,
    askedAt,
    outdatedAt: askedAt + Math.min(expiresInMs, MAX_RIGHTS_AGE_MS),
    isCovered: revalidation.coversLookup(askedAt, server),
  });

  return {
    get count() {
      return count;
    },
    find(hash, now) {
      const lookUp = underway.get(hash);
      if (lookUp !== undefined && now - lookUp.askedAt < RIGHTS_TTL_MS) return lookUp.answer;
      count += 1;
      const answer = loadOnce(hash, now);
      underway.set(hash, { askedAt: now, answer });
      return answer;
    },
  };
}

/** Refuses look-ups beyond MAX_UNCACHED_LOOKUPS at one time. */
function bounded(load: LoadPrincipal): LoadPrincipal {
  let count = 0;
  return async (hash) => {
    if (count >= MAX_UNCACHED_LOOKUPS)
      throw new GatewayError("UNAVAILABLE", "Too many tokens are being looked up; the statement was not run");
    count += 1;
    try {
      return await load(hash);
    } finally {
      count -= 1;
    }
  };
}
