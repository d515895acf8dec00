// Remembers principals, so that a token costs a look-up when it is new or has changed, and not per request.

import { LRUCache } from "lru-cache";
import { GatewayError } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import type { Principal } from "./principal.ts";
import { type Confirmable, type Confirmation, createConfirmation } from "./confirmation.ts";
import type { FindRightsChanges } from "./rights-changes.ts";
import type { TokenHash } from "./token.ts";

/** What was not confirmed for so long is not trusted: a change must show within one second, the question's own time included. */
const TTL_MS = 500;
/** Not every change is recorded: not that of a schema's name. And a use is recorded when a token is looked up, once a minute at least. */
const MAX_AGE_MS = 25_000;
const MAX_PRINCIPALS = 20_000;
/** Look-ups at one time of tokens that were not known lately, so that a flood of them leaves the known ones room. */
const MAX_STRANGERS = 500;

export interface FoundPrincipal {
  readonly principal: Principal;
  /** From the look-up on; Infinity where the token does not expire. */
  readonly expiresInMs: number;
  /** That has answered, as RightsChanges names it; undefined where changes are not recorded, and of a standby. */
  readonly server: string | undefined;
}

export type LoadPrincipal = (hash: TokenHash) => Promise<FoundPrincipal | undefined>;

export interface PrincipalCache {
  /** At once what is remembered. */
  readonly load: (hash: TokenHash) => Principal | Promise<Principal | undefined>;
  /** For those who watch; a miss is a look-up that went out. */
  readonly usage: () => { readonly entries: number; readonly hits: number; readonly misses: number };
}

export interface PrincipalCacheOptions {
  readonly load: LoadPrincipal;
  /** Undefined where changes are not recorded: each token is looked up again when half a second is over. */
  readonly findChanges: FindRightsChanges | undefined;
  readonly clock?: Clock;
}

interface Known extends Confirmable {
  readonly askedAt: number;
  readonly outdatedAt: number;
}

interface Loading {
  readonly askedAt: number;
  readonly answer: Promise<Principal | undefined>;
}

/**
 * `load`, with one look-up at a time per token. Its answer is kept for 500 ms, and for as long as `findChanges` says in time that
 * the token's rights are what they were.
 *
 * A failed look-up is not remembered. An unknown token is not either: unknown ones could push the known ones out.
 *
 * @throws (of what it gives) GatewayError UNAVAILABLE when too many tokens that were not known lately are being looked up.
 */
export function cachePrincipals({ load, findChanges, clock = performance }: PrincipalCacheOptions): PrincipalCache {
  /** What is not trusted any more still tells that the token is no stranger. */
  const cached = new LRUCache<TokenHash, Known>({ max: MAX_PRINCIPALS });
  const confirmation = createConfirmation({ known: cached, findChanges, clock });
  const lookUps = createLookUps({ cached, load, confirmation });
  let asked = 0;

  const isTrusted = (known: Known, now: number): boolean =>
    now < known.outdatedAt &&
    now < (known.isCurrent ? Math.max(known.askedAt, confirmation.confirmedAt) : known.askedAt) + TTL_MS;

  function findConfirmed(hash: TokenHash): Principal | Promise<Principal | undefined> {
    const known = cached.get(hash);
    const now = clock.now();
    return known !== undefined && isTrusted(known, now) ? known.principal : lookUps.find(hash, now);
  }

  function find(hash: TokenHash): Principal | Promise<Principal | undefined> {
    asked += 1;
    const known = cached.get(hash);
    const now = clock.now();
    const confirming = confirmation.begin(now);
    if (known === undefined) return lookUps.find(hash, now);
    if (isTrusted(known, now)) return known.principal;
    const isWorthWaiting = confirming !== undefined && known.isCurrent && now < known.outdatedAt;
    return isWorthWaiting ? confirming.then(() => findConfirmed(hash)) : lookUps.find(hash, now);
  }

  const usage = (): ReturnType<PrincipalCache["usage"]> => ({
    entries: cached.size,
    hits: asked - lookUps.count,
    misses: lookUps.count,
  });
  return { load: find, usage };
}

interface LookUpOptions {
  readonly cached: LRUCache<TokenHash, Known>;
  readonly load: LoadPrincipal;
  readonly confirmation: Confirmation;
}

interface LookUps {
  /** How many went out. */
  readonly count: number;
  readonly find: (hash: TokenHash, now: number) => Promise<Principal | undefined>;
}

function createLookUps({ cached, load, confirmation }: LookUpOptions): LookUps {
  const loading = new Map<TokenHash, Loading>();
  const loadStranger = bounded(load);
  let count = 0;

  async function loadOnce(hash: TokenHash, askedAt: number): Promise<Principal | undefined> {
    const isStranger = !cached.has(hash);
    try {
      const found = await (isStranger ? loadStranger(hash) : load(hash));
      if (found === undefined) cached.delete(hash);
      else cached.set(hash, toKnown(found, askedAt));
      return found?.principal;
    } finally {
      if (loading.get(hash)?.askedAt === askedAt) loading.delete(hash);
    }
  }

  // Times are counted from when the question was asked: the answer is as old as that.
  const toKnown = ({ principal, expiresInMs, server }: FoundPrincipal, askedAt: number): Known => ({
    principal,
    askedAt,
    outdatedAt: askedAt + Math.min(expiresInMs, MAX_AGE_MS),
    isCurrent: confirmation.covers(askedAt, server),
  });

  return {
    get count() {
      return count;
    },
    find(hash, now) {
      const underway = loading.get(hash);
      if (underway !== undefined && now - underway.askedAt < TTL_MS) return underway.answer;
      count += 1;
      const answer = loadOnce(hash, now);
      loading.set(hash, { askedAt: now, answer });
      return answer;
    },
  };
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
