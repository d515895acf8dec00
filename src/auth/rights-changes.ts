// Asks which databases' rights have changed, with one question for all tokens. Triggers on the metadata record the changes
// (migrations/0007_rights_changes.sql). Where a trigger may have missed one, the answer is that nothing is known.

import { GatewayError } from "../base/errors.ts";
import type { DatabaseId } from "../tenants/tenant.ts";
import type { Clock } from "../base/clock.ts";
import type { MetadataQuery } from "./metadata-query.ts";

/**
 * Returns the databases whose tokens or settings have changed since the last call. A change that was committed before the call is in
 * its answer or in an earlier one. Returns undefined when the changes are not known, as at the first call. Calls must not overlap.
 *
 * @throws (in the returned promise) GatewayError UNAVAILABLE when the metadata cannot be asked.
 */
export type FindRightsChanges = () => Promise<RightsChanges | undefined>;

export interface RightsChanges {
  /** The server that reported these changes. A look-up answered by another server (e.g. a lagging standby) is not covered by them. */
  readonly server: string;
  readonly databases: ReadonlySet<DatabaseId>;
}

const FIND_CHANGES = {
  name: "find_rights_changes",
  text: "select server, snapshot, state, databases from public.postgate_rights_changes_since($1, $2)",
} as const;

/** How long recorded changes are kept. An instance that did not ask for longer than that is told that it missed some. */
const FORGET_AFTER_MS = 60_000;
/** How long the question is not repeated after PostgreSQL refused it, because each refusal is a line in the server's log. */
const PAUSE_AFTER_REFUSAL_MS = 10_000;

interface Answer {
  /** The server's identity. Null on a standby. */
  readonly server: string | null;
  readonly snapshot: string;
  /** Fingerprint of the server's start, tables and triggers. Null if any trigger may not have fired. */
  readonly state: string | null;
  readonly databases: readonly DatabaseId[] | null;
}

interface Seen extends Pick<Answer, "snapshot" | "state"> {
  readonly askedAt: number;
}

export function createRightsChanges(query: MetadataQuery, clock: Clock = globalThis.performance): FindRightsChanges {
  let last: Seen | undefined;
  /** The server deletes the changes before this point once it is a minute old. */
  let forgetBefore: Seen | undefined;
  let refusedUntil = Number.NEGATIVE_INFINITY;

  function takeForgetBefore(now: number): Seen | undefined {
    const taken = forgetBefore;
    if (taken === undefined || now - taken.askedAt < FORGET_AFTER_MS) return undefined;
    forgetBefore = undefined;
    return taken;
  }

  async function ask(askedAt: number): Promise<RightsChanges | undefined> {
    const since = last;
    // If the answer does not arrive, its changes are not reported again, so nothing is known until the next answer.
    last = undefined;
    const [row] = await query(FIND_CHANGES, [since?.snapshot, takeForgetBefore(askedAt)?.snapshot]);
    const { server, snapshot, state, databases } = row as unknown as Answer;
    last = { askedAt, snapshot, state };
    forgetBefore ??= last;
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
      refusedUntil = askedAt + PAUSE_AFTER_REFUSAL_MS;
      return undefined;
    }
  };
}

/** True for an error that PostgreSQL sent, as opposed to a failed connection. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && "severity" in error;
}
