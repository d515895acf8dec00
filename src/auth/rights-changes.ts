// Whose rights have changed, in one question for all tokens. The answers are of triggers on the metadata
// (migrations/0007_rights_changes.sql); where they may have missed something, it is said that nothing is known.

import { GatewayError } from "../base/errors.ts";
import type { DatabaseId } from "../tenants/tenant.ts";
import type { Clock } from "../base/clock.ts";
import type { MetadataQuery } from "./metadata-query.ts";

/**
 * The databases whose tokens or settings have changed since the last call: changes that are committed when it is called are in
 * its answer or in an earlier one. Undefined where that is not known, as at the first call. One call at a time.
 *
 * @throws (of what it gives) GatewayError UNAVAILABLE when the metadata cannot be asked.
 */
export type FindRightsChanges = () => Promise<RightsChanges | undefined>;

export interface RightsChanges {
  /** That has told: a look-up which another one answered may lag behind it, or be ahead. */
  readonly server: string;
  readonly databases: ReadonlySet<DatabaseId>;
}

const FIND_CHANGES = {
  name: "find_rights_changes",
  text: "select server, snapshot, state, databases from public.postgate_rights_changes_since($1, $2)",
} as const;

/** How long changes are kept, so that their rows stay few. An instance that has not asked for longer is told that it missed some. */
const FORGET_AFTER_MS = 60_000;
/** Each refusal is a line in the log of the database. */
const REFUSED_FOR_MS = 10_000;

interface Answer {
  /** Null on a standby. */
  readonly server: string | null;
  readonly snapshot: string;
  /** Of what the changes are recorded by; null where some may not be. */
  readonly state: string | null;
  readonly databases: readonly DatabaseId[] | null;
}

interface Seen extends Pick<Answer, "snapshot" | "state"> {
  readonly askedAt: number;
}

export function createRightsChanges(query: MetadataQuery, clock: Clock = globalThis.performance): FindRightsChanges {
  let last: Seen | undefined;
  /** Changes from before are forgotten when this is old enough. */
  let old: Seen | undefined;
  let refusedUntil = Number.NEGATIVE_INFINITY;

  function takeOld(now: number): Seen | undefined {
    const taken = old;
    if (taken === undefined || now - taken.askedAt < FORGET_AFTER_MS) return undefined;
    old = undefined;
    return taken;
  }

  async function ask(askedAt: number): Promise<RightsChanges | undefined> {
    const since = last;
    last = undefined; // Until there is an answer: changes that one tells which does not arrive are not told again.
    const [row] = await query(FIND_CHANGES, [since?.snapshot, takeOld(askedAt)?.snapshot]);
    const { server, snapshot, state, databases } = row as unknown as Answer;
    last = { askedAt, snapshot, state };
    old ??= last;
    if (server === null || state === null || state !== since?.state || databases === null) return undefined;
    return { server, databases: new Set(databases) };
  }

  return async () => {
    const askedAt = clock.now();
    if (askedAt < refusedUntil) return undefined;
    try {
      return await ask(askedAt);
    } catch (cause) {
      if (!isRefusal(cause))
        throw new GatewayError("UNAVAILABLE", "The database of tokens cannot be reached", { cause });
      refusedUntil = askedAt + REFUSED_FOR_MS;
      return undefined;
    }
  };
}

/** PostgreSQL has answered, with an error. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && "severity" in error;
}
