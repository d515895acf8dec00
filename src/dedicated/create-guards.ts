// Puts together what decides on the servers of dedicated databases, for whoever connects to them: the gateway and `doctor`.

import type { ServerGuard } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { createDedicatedGuards } from "./dedicated-guard.ts";
import { DEFAULT_DEDICATED_HOSTS, type HostRules, parseHostRules } from "./host-rules.ts";
import { loadOperatorFacts, type OperatorFactsReader, readOperatorFacts } from "./operator-facts.ts";

export interface DedicatedGuards {
  /** By the id of a row, which servers may be connected to. */
  readonly guardOf: (databaseId: string) => ServerGuard;
  /** The elements of POSTGATE_DEDICATED_HOSTS. */
  readonly elements: readonly string[];
  readonly rules: HostRules;
  readonly facts: OperatorFactsReader;
}

/** @throws Error when an element has not the form of POSTGATE_DEDICATED_HOSTS. */
export function createGuards(
  operator: ConnectionSettings,
  elements: readonly string[] = DEFAULT_DEDICATED_HOSTS,
): DedicatedGuards {
  const rules = parseHostRules(elements);
  const facts = readOperatorFacts(() => loadOperatorFacts(operator));
  return { guardOf: createDedicatedGuards({ rules, facts }), elements, rules, facts };
}
