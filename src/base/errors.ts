// The registry of error codes and the only error class of the gateway. Codes are public API: http/error-response.ts turns them into
// HTTP, docs/reference/errors.md documents each of them, and a test checks that this list and that page agree.

export const ERROR_CODES = {
  PARSE_ERROR: { status: 400, summary: "The SQL does not parse, or policy refuses it." },
  ROW_LIMIT_EXCEEDED: { status: 400, summary: "More rows than the database's max_rows; nothing was changed." },
  RESULT_TOO_LARGE: { status: 400, summary: "The answer exceeds the byte limit; nothing was changed." },
  INVALID_REQUEST: {
    status: 400,
    summary: "The body is not JSON of the documented form, or a parameter cannot be sent.",
  },
  UNAUTHORIZED: { status: 401, summary: "The token is missing, malformed, unknown, expired or deleted." },
  NOT_FOUND: { status: 404, summary: "No such route." },
  DATABASE_NOT_FOUND: { status: 404, summary: "The token's database no longer exists." },
  METHOD_NOT_ALLOWED: { status: 405, summary: "The route does not take this method." },
  PAYLOAD_TOO_LARGE: { status: 413, summary: "The body is larger than MAX_BODY_SIZE_MB." },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, summary: "The content type is not JSON." },
  TOO_MANY_REQUESTS: { status: 429, summary: "A limit of this tenant is reached." },
  DATABASE_ERROR: { status: 500, summary: "PostgreSQL refused or failed the statement, or its commit." },
  INTERNAL_ERROR: { status: 500, summary: "A fault of the gateway." },
  UNAVAILABLE: { status: 503, summary: "The statement was not run and may be sent again." },
  TIMEOUT: { status: 504, summary: "The statement ran longer than allowed; it was cancelled and rolled back." },
} as const satisfies Record<string, { status: number; summary: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The reasons why a statement is refused: the values of `reason` in a PARSE_ERROR. */
export const REFUSAL_REASONS = [
  "SYNTAX_ERROR",
  "EMPTY_QUERY",
  "MULTIPLE_STATEMENTS",
  "OPERATION_NOT_ALLOWED",
  "STATEMENT_NOT_SUPPORTED",
  "QUALIFIED_NAME",
  "SYSTEM_OBJECT",
  "FUNCTION_NOT_ALLOWED",
  "TOO_COMPLEX",
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** The extra keys of an error answer, spelled as on the wire. The caller reads all of them, so they hold no secret. */
export interface ErrorDetails {
  readonly reason?: RefusalReason;
  /** The place in the SQL text, in characters, counted from 1. */
  readonly position?: number;
  readonly max_rows?: number;
  readonly max_bytes?: number;
  readonly sqlstate?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly constraint?: string;
  readonly table?: string;
  readonly column?: string;
  /** The number of the parameter that PostgreSQL refused, as in `$3`. */
  readonly parameter?: number;
  /** The statement of a batch that failed, counted from 0. */
  readonly statement?: number;
}

export interface GatewayErrorOptions {
  readonly details?: ErrorDetails;
  /** Becomes the `Retry-After` header, in whole seconds. */
  readonly retryAfterSeconds?: number;
  /** The underlying error, for the log. It is never sent to the caller. */
  readonly cause?: unknown;
}

export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly retryAfterSeconds: number | undefined;

  /** @param message tells the caller what is wrong and what to do; it holds no secret */
  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }
}

/** Returns a copy of the error that names the statement of a batch it belongs to. `statement` counts from 0. */
export function errorOfStatement(error: GatewayError, statement: number): GatewayError {
  const { code, message, details, retryAfterSeconds, cause } = error;
  return new GatewayError(code, message, {
    details: { ...details, statement },
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    cause,
  });
}

/** Returns the error for an answer that would be larger than `maxBytes`. The statement has changed nothing. */
export function resultTooLarge(maxBytes: number): GatewayError {
  return new GatewayError("RESULT_TOO_LARGE", `Result too large (max: ${maxBytes} bytes)`, {
    details: { max_bytes: maxBytes },
  });
}

/** Returns a PARSE_ERROR with its reason. `position` is in characters and counts from 1. */
export function refusal(
  reason: RefusalReason,
  message: string,
  details: Pick<ErrorDetails, "position" | "hint"> = {},
): GatewayError {
  return new GatewayError("PARSE_ERROR", message, { details: { reason, ...details } });
}
