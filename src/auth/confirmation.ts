// Confirms remembered principals, all with one question: whose rights have changed? Asked while tokens are being used, and never
// otherwise.

import type { Clock } from "../base/clock.ts";
import type { Principal } from "./principal.ts";
import type { FindRightsChanges, RightsChanges } from "./rights-changes.ts";

/** Whoever comes so long after the last confirmation has the next one begin, without waiting for it. */
const CONFIRM_AFTER_MS = 250;

export interface Confirmable {
  readonly principal: Principal;
  /** No change of it was told, and none was missed. */
  isCurrent: boolean;
}

export interface Confirmation {
  /** When the question was asked that was answered last: what is current was true then. */
  readonly confirmedAt: number;
  /**
   * Begins one where the last is not quite new; gives the one that is under way, which rejects with UNAVAILABLE when the metadata
   * cannot be asked.
   */
  readonly begin: (now: number) => Promise<void> | undefined;
  /** Whether every change after a look-up has yet to be told: one that was asked at this time, and answered by this server. */
  readonly covers: (askedAt: number, server: string | undefined) => boolean;
}

export interface ConfirmationOptions {
  readonly known: { readonly values: () => Iterable<Confirmable> };
  /** Undefined where changes are not recorded: nothing is ever confirmed. */
  readonly findChanges: FindRightsChanges | undefined;
  readonly clock: Clock;
}

export function createConfirmation({ known, findChanges, clock }: ConfirmationOptions): Confirmation {
  let confirmedAt = Number.NEGATIVE_INFINITY;
  /** What was told until then may have come after a look-up that was asked before. */
  let toldAt = Number.POSITIVE_INFINITY;
  /** That told. */
  let toldBy: string | undefined;
  let underway: Promise<void> | undefined;

  async function confirm(askedAt: number, ask: FindRightsChanges): Promise<void> {
    let changed: Awaited<ReturnType<FindRightsChanges>>;
    try {
      changed = await ask();
    } finally {
      underway = undefined;
      toldAt = clock.now();
      toldBy = changed?.server;
      markChanged(known.values(), changed?.databases);
    }
    confirmedAt = askedAt;
  }

  return {
    get confirmedAt() {
      return confirmedAt;
    },
    begin(now) {
      if (findChanges === undefined || now < confirmedAt + CONFIRM_AFTER_MS) return undefined;
      if (underway === undefined) {
        underway = confirm(now, findChanges);
        underway.catch(() => undefined); // Whoever waits for it is told.
      }
      return underway;
    },
    covers: (askedAt, server) => askedAt >= toldAt && server !== undefined && server === toldBy,
  };
}

/** All of them where it is not known what has changed. */
function markChanged(known: Iterable<Confirmable>, changed: RightsChanges["databases"] | undefined): void {
  if (changed?.size === 0) return;
  for (const each of known) if (changed?.has(each.principal.tenant.id) ?? true) each.isCurrent = false;
}
