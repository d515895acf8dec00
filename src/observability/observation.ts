// The events that stages report. A stage passes an Observation to the observer that it was given, and log.ts decides what to show. The
// type has no place for parameters and tokens, and has SQL only for POSTGATE_LOG_SQL, so they cannot leak.

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
      /** The fault behind an INTERNAL_ERROR or UNAVAILABLE. Its message may be logged and is never sent to a client. */
      readonly cause?: unknown;
    } & RequestFacts)
  | { readonly kind: "client-gone"; readonly requestId: string; readonly durationMs: number }
  /** Reported only with POSTGATE_LOG_SQL: the texts with likely secrets removed, or their fingerprints. */
  | { readonly kind: "statements"; readonly requestId: string; readonly sql: readonly string[] }
  | { readonly kind: "listening"; readonly url: string }
  | { readonly kind: "migrated"; readonly applied: readonly string[] }
  | { readonly kind: "warning"; readonly message: string }
  | { readonly kind: "stopping"; readonly reason: string }
  | { readonly kind: "background-failure"; readonly task: string; readonly cause: unknown };

export type Observe = (observation: Observation) => void;
