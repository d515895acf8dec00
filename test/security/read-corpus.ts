// Reads the corpora of attacks and honest statements, which have one case on each line.

import { readFileSync } from "node:fs";
import type { RefusalReason } from "../../src/base/errors.ts";
import type { Permission } from "../../src/base/permissions.ts";

export interface CorpusCase {
  readonly id: string;
  readonly group: string;
  readonly sql: string;
  readonly permissions: readonly Permission[];
  readonly expect: "allow" | "deny";
  /** The expected reason of the refusal. Only the rows of our own corpus have it. */
  readonly reason?: RefusalReason;
  readonly database?: "tenant" | "admin";
  readonly why: string;
}

type Parts = readonly (readonly [text: string, count: number])[];

export function readCorpus(name: "corpus" | "own"): CorpusCase[] {
  const lines = readFileSync(new URL(`corpus/${name}.jsonl`, import.meta.url), "utf8").split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as CorpusCase & { sql_parts?: Parts })
    .map((row) => (row.sql_parts === undefined ? row : { ...row, sql: joinParts(row.sql_parts) }));
}

function joinParts(parts: Parts): string {
  return parts.map(([text, count]) => text.repeat(count)).join("");
}
