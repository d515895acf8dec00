// The HTTP side of the client: it sends one POST for each statement or batch. It needs nothing but fetch, so it runs in browsers,
// in edge runtimes and in Node. It sends a request again only if the request cannot have run. In all other cases, only the caller
// knows whether that is safe.

import type {
  PostgateBatchResponse,
  PostgateErrorResponse,
  PostgateQueryRequest,
  PostgateQueryResponse,
} from "../base/api-types.ts";
import { createDeadline, type Deadline } from "./deadline.ts";
import { PostgateError, type PostgateErrorOptions } from "./postgate-error.ts";
import { delayBeforeRetry } from "./retry.ts";
import { toJson } from "./to-json.ts";
import { type PostgateParams, type PostgateStatement, toPositional } from "./to-statement.ts";

/** These options limit how long and how often the client tries a request. */
export interface PostgateSendOptions {
  /** Maximum time for a request with all its retries. Without it, the client waits as long as the gateway takes. */
  readonly timeoutMs?: number;
  /** Maximum number of retries of a request that cannot have run. The default is 2; 0 means no retries. */
  readonly retries?: number;
}

export interface PostgateClientOptions extends PostgateSendOptions {
  /** Used in place of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** The options that a request may have beside the statement, spelled as on the wire: the form of the answer and the transaction. */
type WireOptions = Omit<PostgateQueryRequest, "sql" | "params">;

export interface PostgateQueryOptions extends WireOptions, PostgateSendOptions {
  /** When it aborts, the gateway cancels the statement, and the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The answer to a request with `fields: true`. */
export type PostgateDescribedResponse<Row = Record<string, unknown>> = PostgateQueryResponse<Row> &
  Required<Pick<PostgateQueryResponse<Row>, "fields" | "command">>;

const DEFAULT_RETRIES = 2;

/** Runs statements on the database that the token belongs to. */
export class PostgateClient {
  readonly #url: string;
  readonly #authorization: string;
  readonly #options: PostgateClientOptions;

  /**
   * @param baseUrl the gateway's address, with the path under which a proxy serves it, if any
   * @throws TypeError when the token is empty or holds characters that no header may carry.
   */
  constructor(baseUrl: string | URL, token: string, options: PostgateClientOptions = {}) {
    this.#url = `${String(baseUrl).replace(/\/+$/, "")}/query`;
    this.#authorization = `Bearer ${printableToken(token)}`;
    this.#options = options;
  }

  /**
   * Runs one SQL statement: a text, or a statement that the tag `sql` made. `$1`, `$2`, … stand for the elements of an array of
   * parameters, `$name` for the member of an object.
   *
   * @throws PostgateError when the statement is refused or fails, or no answer comes.
   * @throws TypeError when a parameter cannot be sent, is missing, or does not occur in the statement. Nothing has been sent then.
   */
  async query<Row = Record<string, unknown>>(
    statement: string | PostgateStatement,
    params: PostgateParams | null | undefined,
    options: PostgateQueryOptions & { readonly fields: true },
  ): Promise<PostgateDescribedResponse<Row>>;
  async query<Row = Record<string, unknown>>(
    statement: string | PostgateStatement,
    params?: PostgateParams | null,
    options?: PostgateQueryOptions,
  ): Promise<PostgateQueryResponse<Row>>;
  async query<Row = Record<string, unknown>>(
    statement: string | PostgateStatement,
    params: PostgateParams | null = null,
    options: PostgateQueryOptions = {},
  ): Promise<PostgateQueryResponse<Row>> {
    if (typeof statement === "string")
      return this.#send(toPositional({ sql: statement, params }), options, isQueryResponse<Row>);
    if (params !== null) throw new TypeError("The statement has its own parameters; the second argument must be null");
    return this.#send(toPositional(statement), options, isQueryResponse<Row>);
  }

  /**
   * Runs several statements in one transaction: all of them happen, or none. Returns one answer for each, in their order.
   *
   * @throws PostgateError as `query` does. Its `statement` is the number of the statement that failed, counted from 0.
   */
  async batch<Row = Record<string, unknown>>(
    statements: readonly PostgateStatement[],
    options: PostgateQueryOptions = {},
  ): Promise<PostgateQueryResponse<Row>[]> {
    const request = { statements: statements.map(toPositional) };
    const { results } = await this.#send(request, options, isBatchResponse<Row>);
    return results;
  }

  async #send<T>(
    statements: object,
    { signal, timeoutMs = this.#options.timeoutMs, retries = this.#options.retries, ...options }: PostgateQueryOptions,
    isExpected: (body: unknown) => body is T,
  ): Promise<T> {
    const body = toBody({ ...options, ...statements });
    const deadline = createDeadline(signal, timeoutMs);
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(body, deadline, isExpected);
      } catch (error) {
        const delayMs = attempt < (retries ?? DEFAULT_RETRIES) ? delayBeforeRetry(error, attempt) : undefined;
        if (delayMs === undefined || !(await deadline.wait(delayMs))) throw error;
      }
    }
  }

  async #attempt<T>(json: string, deadline: Deadline, isExpected: (body: unknown) => body is T): Promise<T> {
    const { response, text } = await this.#post(json, deadline);
    const body = parseJson(response, text);
    if (response.ok && isExpected(body)) return body;
    throw isErrorResponse(body) ? refusedBy(response, body) : invalidResponse(response);
  }

  async #post(
    body: string,
    { signal, isOver, throwIfAborted }: Deadline,
  ): Promise<{ response: Response; text: string }> {
    const send = this.#options.fetch ?? fetch; // It is called as a plain function: browsers refuse it as another object's method.
    try {
      const response = await send(this.#url, {
        method: "POST",
        headers: { authorization: this.#authorization, "content-type": "application/json" },
        body,
        ...(signal !== undefined && { signal }),
      });
      return { response, text: await response.text() };
    } catch (cause) {
      throwIfAborted();
      if (isOver()) throw new PostgateError({ code: "CLIENT_TIMEOUT", message: "No answer in time", cause });
      throw new PostgateError({ code: "NETWORK_ERROR", message: "No answer from the gateway", cause });
    }
  }
}

function toBody(request: object): string {
  const members = Object.entries(request).filter(([, value]) => value !== undefined);
  return `{${members.map(([key, value]) => `"${key}":${toJson(value, key)}`).join()}}`;
}

/** Refuses a token that no header may carry. fetch would refuse it, too, but would name the whole token in its error. */
function printableToken(token: string): string {
  const trimmed = token.trim();
  if (/^[!-~]+$/.test(trimmed)) return trimmed;
  throw new TypeError("The token is empty or holds a character that cannot be sent");
}

function parseJson(response: Response, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalidResponse(response, cause);
  }
}

function isQueryResponse<Row>(body: unknown): body is PostgateQueryResponse<Row> {
  return isObject(body) && Array.isArray(body["rows"]) && typeof body["row_count"] === "number";
}

function isBatchResponse<Row>(body: unknown): body is PostgateBatchResponse<Row> {
  return isObject(body) && Array.isArray(body["results"]) && body["results"].every(isQueryResponse);
}

function isErrorResponse(body: unknown): body is PostgateErrorResponse {
  return isObject(body) && typeof body["error"] === "string" && typeof body["code"] === "string";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function refusedBy(response: Response, { error, code, ...details }: PostgateErrorResponse): PostgateError {
  return new PostgateError({ code, message: error, details, ...factsOf(response) });
}

/** Returns the error for an answer that does not have the gateway's form, such as a proxy's page, whatever its status. */
function invalidResponse(response: Response, cause?: unknown): PostgateError {
  const message = `HTTP ${response.status}, but not an answer of Postgate: check the address and what is in between`;
  return new PostgateError({ code: "INVALID_RESPONSE", message, cause, ...factsOf(response) });
}

function factsOf({
  status,
  headers,
}: Response): Pick<PostgateErrorOptions, "status" | "requestId" | "retryAfterSeconds"> {
  const retryAfter = headers.get("retry-after");
  return {
    status,
    requestId: headers.get("x-request-id") ?? undefined,
    retryAfterSeconds: retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined,
  };
}
