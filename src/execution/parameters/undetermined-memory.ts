// Which parameters of a text had to be declared, so that it need not fail again to tell. Tenants choose the texts, so what is
// remembered is bounded in characters, not in texts alone.

import { LRUCache } from "lru-cache";
import type { UndeterminedParameters } from "./declared-types.ts";

/** By session and text: the parameters whose type PostgreSQL could not infer. */
export type UndeterminedMemory = Pick<LRUCache<string, UndeterminedParameters>, "get" | "set">;

const MAX_STATEMENTS = 5_000;
const MAX_TOTAL_CHARACTERS = 8 * 1024 * 1024;
/** A long text is hardly ever sent twice. */
const MAX_CHARACTERS = 32 * 1024;
/** What a number takes, next to a character. */
const CHARACTERS_A_PARAMETER = 8;

export function createUndeterminedMemory(): UndeterminedMemory {
  return new LRUCache({
    max: MAX_STATEMENTS,
    maxSize: MAX_TOTAL_CHARACTERS,
    maxEntrySize: MAX_CHARACTERS,
    sizeCalculation: (parameters, key) => key.length + CHARACTERS_A_PARAMETER * parameters.length,
  });
}
