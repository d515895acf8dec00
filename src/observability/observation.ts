// What is worth reporting. Stages hand an Observation to the observer that they were given; log.ts decides what to show.
// Parameters and tokens are not in the type, and SQL is only where POSTGATE_LOG_SQL puts it, so they cannot leak.

import type { ErrorCode, RefusalReason } from "../base/errors.ts";

interface RequestFacts {
  readonly requestId: string;
  readonly durationMs: number;
  readonly tokenPrefix?: string;
  readonly databaseId?: string;
  readonly operation?: string;
}

export type Observation =
  | ({ readonly kind: "query-finished"; readonly rowCount: number } & RequestFacts)
  | ({
      readonly kind: "query-failed";
      readonly code: ErrorCode;
      readonly reason?: RefusalReason;
      readonly sqlstate?: string;
      /** The fault behind an INTERNAL_ERROR or UNAVAILABLE; its message may be logged, never sent. */
      readonly cause?: unknown;
    } & RequestFacts)
  | { readonly kind: "client-gone"; readonly requestId: string; readonly durationMs: number }
  /** Only with POSTGATE_LOG_SQL: the texts, without what looks like a secret, or their fingerprints. */
  | { readonly kind: "statements"; readonly requestId: string; readonly sql: readonly string[] }
  | { readonly kind: "listening"; readonly url: string }
  | { readonly kind: "migrated"; readonly applied: readonly string[] }
  | { readonly kind: "warning"; readonly message: string }
  | { readonly kind: "stopping"; readonly reason: string }
  | { readonly kind: "background-failure"; readonly task: string; readonly cause: unknown };

export type Observe = (observation: Observation) => void;
