// Creates the guards that decide on the servers of dedicated databases. The gateway and `doctor` connect to those servers.

import type { ServerGuard } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { createDedicatedGuards } from "./dedicated-guard.ts";
import { DEFAULT_DEDICATED_HOSTS, type HostRules, parseHostRules } from "./host-rules.ts";
import { loadOperatorFacts, type OperatorFactsReader, readOperatorFacts } from "./operator-facts.ts";

export interface DedicatedGuards {
  /** Returns the guard of a database, by the id of its row. */
  readonly guardOf: (databaseId: string) => ServerGuard;
  /** The elements of POSTGATE_DEDICATED_HOSTS. */
  readonly elements: readonly string[];
  readonly rules: HostRules;
  readonly facts: OperatorFactsReader;
}

/**
 * Creates the guards for all dedicated databases.
 *
 * @throws Error when an element does not have the form of POSTGATE_DEDICATED_HOSTS.
 */
export function createGuards(
  operator: ConnectionSettings,
  elements: readonly string[] = DEFAULT_DEDICATED_HOSTS,
): DedicatedGuards {
  const rules = parseHostRules(elements);
  const facts = readOperatorFacts(() => loadOperatorFacts(operator));
  return { guardOf: createDedicatedGuards({ rules, facts }), elements, rules, facts };
}
