import type { PostgateErrorResponse } from "../base/api-types.ts";

/**
 * A code of the gateway, or one of the client's own three codes. `NETWORK_ERROR`: no answer arrived, so it is unknown whether
 * the statement ran. `CLIENT_TIMEOUT`: no answer arrived within `timeoutMs`, so it is unknown, too. `INVALID_RESPONSE`: an answer
 * arrived that is not Postgate's, such as a proxy's page.
 */
export type PostgateErrorCode = PostgateErrorResponse["code"] | "NETWORK_ERROR" | "CLIENT_TIMEOUT" | "INVALID_RESPONSE";

type Details = Omit<PostgateErrorResponse, "error" | "code">;

/** A table of all keys: when a key is added to the protocol, it must be added here for the build to pass. */
const DETAIL_KEYS: Record<keyof Details, true> = {
  reason: true,
  position: true,
  max_rows: true,
  max_bytes: true,
  sqlstate: true,
  detail: true,
  hint: true,
  constraint: true,
  table: true,
  column: true,
  parameter: true,
  statement: true,
};

export interface PostgateErrorOptions {
  readonly code: PostgateErrorCode;
  readonly message: string;
  readonly status?: number;
  readonly requestId?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly details?: Details;
  readonly cause?: unknown;
}

/** A query that failed. The extra keys of the gateway's answer are properties, spelled as on the wire. */
export class PostgateError extends Error {
  override readonly name = "PostgateError";
  readonly code: PostgateErrorCode;
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The id under which the gateway logged the failure. */
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  declare readonly reason?: Details["reason"];
  declare readonly position?: Details["position"];
  declare readonly max_rows?: Details["max_rows"];
  declare readonly max_bytes?: Details["max_bytes"];
  declare readonly sqlstate?: Details["sqlstate"];
  declare readonly detail?: Details["detail"];
  declare readonly hint?: Details["hint"];
  declare readonly constraint?: Details["constraint"];
  declare readonly table?: Details["table"];
  declare readonly column?: Details["column"];
  declare readonly parameter?: Details["parameter"];
  declare readonly statement?: Details["statement"];

  constructor({ message, cause, details = {}, ...rest }: PostgateErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = rest.code;
    this.status = rest.status ?? 0;
    this.requestId = rest.requestId;
    this.retryAfterSeconds = rest.retryAfterSeconds;
    const known = Object.entries(details).filter(([key]) => Object.hasOwn(DETAIL_KEYS, key));
    Object.assign(this, Object.fromEntries(known));
  }
}
