// Revalidates all remembered principals with one question: whose rights have changed since the last answer? The question goes out
// only while tokens are in use.

import type { Clock } from "../base/clock.ts";
import type { Principal } from "./principal.ts";
import { REVALIDATE_AFTER_MS } from "./rights-ages.ts";
import type { FindRightsChanges, RightsChanges } from "./rights-changes.ts";

export interface Revalidatable {
  readonly principal: Principal;
  /** True while every change since the look-up would have been reported, and none was. */
  isCovered: boolean;
}

export interface RightsRevalidation {
  /** Start time of the last question that was answered. Covered principals were true at that time. */
  readonly validatedAt: number;
  /**
   * Asks again if the last answer is older than 250 ms, and returns the question that is under way. It rejects with UNAVAILABLE
   * when the metadata cannot be read. Returns undefined when no question is due.
   */
  readonly begin: (now: number) => Promise<void> | undefined;
  /**
   * Tells whether a look-up is covered: every later change will be reported.
   *
   * @param askedAt when the look-up was sent
   * @param server the server that answered the look-up
   */
  readonly coversLookup: (askedAt: number, server: string | undefined) => boolean;
}

export interface RightsRevalidationOptions {
  readonly remembered: { readonly values: () => Iterable<Revalidatable> };
  /** Undefined where changes are not recorded. Nothing is revalidated then. */
  readonly findChanges: FindRightsChanges | undefined;
  readonly clock: Clock;
}

export function createRightsRevalidation(options: RightsRevalidationOptions): RightsRevalidation {
  const { remembered, findChanges, clock } = options;
  let validatedAt = Number.NEGATIVE_INFINITY;
  /**
   * Time of the last answer. A look-up that started before it may have missed a change which that answer already reported, so the
   * look-up is not covered.
   */
  let lastAnswerAt = Number.POSITIVE_INFINITY;
  /** The server that gave the last answer. A look-up from another server may lag behind it. */
  let lastAnswerFrom: string | undefined;
  let underway: Promise<void> | undefined;

  async function revalidate(askedAt: number, ask: FindRightsChanges): Promise<void> {
    let changed: Awaited<ReturnType<FindRightsChanges>>;
    try {
      changed = await ask();
    } finally {
      underway = undefined;
      lastAnswerAt = clock.now();
      lastAnswerFrom = changed?.server;
      uncoverChanged(remembered.values(), changed?.databases);
    }
    validatedAt = askedAt;
  }

  return {
    get validatedAt() {
      return validatedAt;
    },
    begin(now) {
      if (findChanges === undefined || now < validatedAt + REVALIDATE_AFTER_MS) return undefined;
      if (underway === undefined) {
        underway = revalidate(now, findChanges);
        underway.catch(() => undefined); // Requests that wait for it receive the error.
      }
      return underway;
    },
    coversLookup: (askedAt, server) => askedAt >= lastAnswerAt && server !== undefined && server === lastAnswerFrom,
  };
}

/** Ends the cover of the changed databases' principals, or of all principals when it is unknown what changed. */
function uncoverChanged(remembered: Iterable<Revalidatable>, changed: RightsChanges["databases"] | undefined): void {
  if (changed?.size === 0) return;
  for (const each of remembered) if (changed?.has(each.principal.tenant.id) ?? true) each.isCovered = false;
}
