// Asks, as the operator, what a connection to a dedicated database needs to know: which server is the shared one, and which servers the
// operator allowed with `create-db -d`. It limits how often it asks, because requests for refused rows may come in floods.

import { setTimeout as delay } from "node:timers/promises";
import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { loadTargets } from "./operator-targets.ts";
import { readServerIdentity, type ServerIdentity } from "./server-identity.ts";

export interface OperatorFacts {
  readonly sharedServer: ServerIdentity;
  /** The allowed target of each database by its id: see operator-targets.ts. */
  readonly targets: ReadonlyMap<string, string>;
}

export interface OperatorFactsReader {
  /** Returns facts that were asked for after this call. */
  readonly fresh: () => Promise<OperatorFacts>;
  /** Returns facts of the last minute, or older ones while the shared server does not answer. */
  readonly recent: () => Promise<OperatorFacts>;
}

/** Asks once, over a connection that is opened for this question only. */
export async function loadOperatorFacts(operator: ConnectionSettings): Promise<OperatorFacts> {
  const client = await connect(operator, { applicationName: "postgate allowed servers" });
  try {
    return { sharedServer: await readServerIdentity(client), targets: await loadTargets(client) };
  } finally {
    await client.end();
  }
}

const RECENT_MS = 60_000;
/** Minimum time from the start of one question to the start of the next. */
const LEAST_INTERVAL_MS = 200;

export function readOperatorFacts(load: () => Promise<OperatorFacts>): OperatorFactsReader {
  let known: { readonly facts: OperatorFacts; readonly askedAt: number } | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let running: Promise<unknown> = Promise.resolve();
  let queued: Promise<OperatorFacts> | undefined;

  async function ask(): Promise<OperatorFacts> {
    await delay(Math.max(0, askedAt + LEAST_INTERVAL_MS - performance.now()));
    queued = undefined; // A later call may know of a change that this question misses, so it must ask again.
    askedAt = performance.now();
    const facts = await load();
    known = { facts, askedAt };
    return facts;
  }

  function fresh(): Promise<OperatorFacts> {
    if (queued !== undefined) return queued;
    queued = running.then(ask);
    running = queued.catch(() => undefined);
    return queued;
  }

  async function recent(): Promise<OperatorFacts> {
    const last = known;
    if (last === undefined) return fresh();
    if (performance.now() - last.askedAt < RECENT_MS) return last.facts;
    return fresh().catch(() => last.facts);
  }

  return { fresh, recent };
}
